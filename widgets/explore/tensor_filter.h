// The filter language of the tensor tree: words separated by spaces, all of which must hold.
//   zero>60  scale<=0.02  dead>0     numbers of a column with > < >= <= =
//   type:f_proj  layer:3-5  name:lm  kinds, ranges and parts of names
//   proj                             a part of the name
#pragma once

#include "engine/analysis/tensor_statistics.h"

#include <QString>
#include <QStringList>

#include <optional>
#include <vector>

namespace mmfree::gui
{

class TensorFilter
{
public:
    // What is wrong is in error(); the filter then lets everything through.
    explicit TensorFilter(const QString& text = {});

    [[nodiscard]] bool isEmpty() const { return m_terms.empty(); }
    [[nodiscard]] const QString& error() const { return m_error; } // translated; empty: none
    // `statistics` null: not measured yet, then conditions on numbers do not hold.
    [[nodiscard]] bool accepts(const TensorSpec& spec, const TensorStatistics* statistics) const;
    [[nodiscard]] static QStringList columns(); // names that can be compared

private:
    enum class Compare { Less, LessEqual, Equal, GreaterEqual, Greater };
    struct Term {
        QString column, text; // column empty: part of the name
        Compare compare = Compare::Equal;
        double number = 0.0;
        std::int64_t first = 0, last = 0; // layer:
    };
    void addTerm(const QString& word);
    [[nodiscard]] static std::optional<double> numberOf(const QString& column, const TensorSpec& spec,
                                                        const TensorStatistics* statistics);
    [[nodiscard]] static bool holds(const Term& term, const TensorSpec& spec,
                                    const TensorStatistics* statistics);

    std::vector<Term> m_terms;
    QString m_error;
};

// Last part of a tensor's name that says what it is: "f_proj", "attn_norm", "lm_head".
[[nodiscard]] QString tensorType(const TensorSpec& spec);

} // namespace mmfree::gui
