// Puts texts that are already on screen into another language: finds the source of each shown text in the
// catalogue and shows its other form, with the same values in its %1 places. Texts that no catalogue knows
// (names, chats, numbers) stay. Widgets that compose or paint their texts themselves get
// QEvent::LanguageChange besides.
#pragma once

#include <QHash>
#include <QRegularExpression>
#include <QString>
#include <QStringList>

#include <vector>

class QAbstractItemModel;
class QObject;
class QWidget;

namespace mmfree::gui
{

class PlotView;

struct CatalogueEntry {
    QString context, source, comment;
    bool plural = false;
    QStringList english, russian; // one form, or the plural ones
};

// From the translation files inside the program.
[[nodiscard]] std::vector<CatalogueEntry> loadCatalogue();

class LiveTexts
{
public:
    LiveTexts(const QString& fromLanguage, const QString& toLanguage); // "en", "ru"

    // The text in the new language, or as it is. `contexts`: classes to look in first.
    [[nodiscard]] QString translated(const QString& shown, const QStringList& contexts = {}) const;
    void retranslateApplication() const; // every widget and action

private:
    struct Pattern {
        QRegularExpression expression;
        QStringList places; // "%1", "%n", in the order they stand in the text
        QString longestLiteral;
        std::size_t entry = 0;
    };

    // `depth`: of values inside values; `left` grows by the letters that no catalogue knows.
    [[nodiscard]] QString translated(const QString& shown, const QStringList& contexts, int depth,
                                     qsizetype& left) const;
    [[nodiscard]] QString filledIn(const Pattern& pattern, const QRegularExpressionMatch& match,
                                   const QStringList& contexts, int depth, qsizetype& left) const;
    void addPattern(const QString& form, std::size_t entry);
    [[nodiscard]] QString knownText(const QMultiHash<QString, std::size_t>& texts, const QString& shown,
                                    const QStringList& contexts) const;
    [[nodiscard]] QString otherForm(const CatalogueEntry& entry, int number) const;
    void retranslateObject(QObject* object) const;
    void retranslatePlot(PlotView& plot, const QStringList& contexts) const;
    void retranslateItems(QAbstractItemModel* model) const;

    bool m_toRussian;
    std::vector<CatalogueEntry> m_entries;
    QMultiHash<QString, std::size_t> m_exact; // shown text -> entries
    QMultiHash<QString, std::size_t> m_plain; // likewise without mnemonic marks and dots, as on buttons
    std::vector<Pattern> m_patterns;          // most literal text first
};

} // namespace mmfree::gui
