#include "widgets/explore/tensor_filter.h"

#include <QCoreApplication>
#include <QRegularExpression>

namespace mmfree::gui
{

QString tensorType(const TensorSpec& spec)
{
    QStringList parts = QString::fromStdString(spec.name).split(QLatin1Char('.'));
    if (parts.last() == QLatin1String("weight"))
        parts.removeLast();
    if (parts.size() > 1 && parts.last() == QLatin1String("norm") && parts.first() != QLatin1String("model"))
        return parts.mid(parts.size() - 2).join(QLatin1Char('.'));
    if (parts.size() > 3 && parts.last() == QLatin1String("norm"))
        return parts.mid(parts.size() - 2).join(QLatin1Char('.'));
    return parts.last();
}

QStringList TensorFilter::columns()
{
    return {QStringLiteral("zero"),  QStringLiteral("minus"),   QStringLiteral("plus"),
            QStringLiteral("scale"), QStringLiteral("params"),  QStringLiteral("bytes"),
            QStringLiteral("bits"),  QStringLiteral("dead"),    QStringLiteral("rows"),
            QStringLiteral("cols"),  QStringLiteral("entropy"), QStringLiteral("changed")};
}

TensorFilter::TensorFilter(const QString& text)
{
    const QStringList words = text.split(QLatin1Char(' '), Qt::SkipEmptyParts);
    for (const QString& word : words)
        addTerm(word);
    if (!m_error.isEmpty())
        m_terms.clear();
}

void TensorFilter::addTerm(const QString& word)
{
    static const QRegularExpression comparison(QStringLiteral("^([a-z]+)(<=|>=|<|>|=)(.*)$"));
    static const QRegularExpression layers(QStringLiteral("^(\\d+)(?:-(\\d+))?$"));
    Term term;
    if (const auto match = comparison.match(word); match.hasMatch()) {
        term.column = match.captured(1);
        const QString sign = match.captured(2);
        term.compare = sign == QLatin1String("<")    ? Compare::Less
                       : sign == QLatin1String("<=") ? Compare::LessEqual
                       : sign == QLatin1String("=")  ? Compare::Equal
                       : sign == QLatin1String(">=") ? Compare::GreaterEqual
                                                     : Compare::Greater;
        bool good = false;
        term.number = match.captured(3).toDouble(&good);
        if (!columns().contains(term.column))
            m_error =
                QCoreApplication::translate("TensorFilter", "\u201c%1\u201d cannot be compared; known: %2")
                    .arg(term.column, columns().join(QStringLiteral(", ")));
        else if (!good)
            m_error = QCoreApplication::translate("TensorFilter", "\u201c%1\u201d needs a number behind %2")
                          .arg(word, sign);
    } else if (const qsizetype colon = word.indexOf(QLatin1Char(':')); colon > 0) {
        term.column = word.left(colon);
        term.text = word.mid(colon + 1);
        if (term.column == QLatin1String("layer")) {
            const auto range = layers.match(term.text);
            term.first = range.captured(1).toLongLong();
            term.last = range.captured(2).isEmpty() ? term.first : range.captured(2).toLongLong();
            if (!range.hasMatch() || term.last < term.first)
                m_error =
                    QCoreApplication::translate(
                        "TensorFilter", "\u201c%1\u201d needs a layer or a range, for example layer:3-5")
                        .arg(word);
        } else if (term.column != QLatin1String("type") && term.column != QLatin1String("name")) {
            m_error = QCoreApplication::translate("TensorFilter",
                                                  "\u201c%1\u201d is not known; use type:, layer: or name:")
                          .arg(term.column);
        } else if (term.text.isEmpty()) {
            m_error = QCoreApplication::translate("TensorFilter", "\u201c%1\u201d needs a name").arg(word);
        }
    } else {
        term.text = word;
    }
    m_terms.push_back(term);
}

std::optional<double> TensorFilter::numberOf(const QString& column, const TensorSpec& spec,
                                             const TensorStatistics* statistics)
{
    const bool ternary = spec.role == TensorRole::TernaryWeight;
    if (column == QLatin1String("params"))
        return static_cast<double>(elementCount(spec.shape));
    if (column == QLatin1String("rows"))
        return static_cast<double>(spec.shape.size() > 1 ? spec.shape.front() : 1);
    if (column == QLatin1String("cols"))
        return static_cast<double>(spec.shape.back());
    if (!statistics)
        return std::nullopt;
    const auto percent = [&](std::int64_t part) {
        return 100.0 * static_cast<double>(part) / static_cast<double>(statistics->parameters);
    };
    if (column == QLatin1String("bytes"))
        return static_cast<double>(statistics->bytes);
    if (column == QLatin1String("bits"))
        return statistics->bitsPerWeight();
    if (column == QLatin1String("changed"))
        return statistics->changed >= 0 ? std::optional(percent(statistics->changed)) : std::nullopt;
    if (!ternary)
        return std::nullopt;
    if (column == QLatin1String("zero"))
        return percent(statistics->counts.zero);
    if (column == QLatin1String("minus"))
        return percent(statistics->counts.minus);
    if (column == QLatin1String("plus"))
        return percent(statistics->counts.plus);
    if (column == QLatin1String("scale"))
        return statistics->scale;
    if (column == QLatin1String("entropy"))
        return statistics->counts.entropyBits();
    return static_cast<double>(statistics->deadRows); // dead
}

bool TensorFilter::holds(const Term& term, const TensorSpec& spec, const TensorStatistics* statistics)
{
    const QString name = QString::fromStdString(spec.name);
    if (term.column.isEmpty() || term.column == QLatin1String("name"))
        return name.contains(term.text, Qt::CaseInsensitive);
    if (term.column == QLatin1String("type"))
        return tensorType(spec).compare(term.text, Qt::CaseInsensitive) == 0;
    if (term.column == QLatin1String("layer"))
        return spec.layer >= term.first && spec.layer <= term.last;
    const std::optional<double> value = numberOf(term.column, spec, statistics);
    if (!value)
        return false;
    switch (term.compare) {
    case Compare::Less:
        return *value < term.number;
    case Compare::LessEqual:
        return *value <= term.number;
    case Compare::Equal:
        return *value == term.number;
    case Compare::GreaterEqual:
        return *value >= term.number;
    case Compare::Greater:
        return *value > term.number;
    }
    return false;
}

bool TensorFilter::accepts(const TensorSpec& spec, const TensorStatistics* statistics) const
{
    for (const Term& term : m_terms) {
        if (!holds(term, spec, statistics))
            return false;
    }
    return true;
}

} // namespace mmfree::gui
