// A tokenizer as the authors of published models made theirs: trained by the sentencepiece library itself.
#pragma once

#include "tests/unit/text/text_samples.h"

#include <QString>
#include <QStringList>
#include <QtGlobal>

#include <sentencepiece_trainer.h>
#include <string>
#include <unordered_map>
#include <vector>

namespace mmfree::test
{

// Feeds sentencepiece's own trainer, as the authors of published tokenizers did.
class PublishedLines : public sentencepiece::SentenceIterator
{
public:
    explicit PublishedLines(const std::string& text)
    {
        for (const QString& line : QString::fromStdString(text).split('\n', Qt::SkipEmptyParts))
            m_lines.push_back(line.toStdString());
    }
    bool done() const override { return m_next == m_lines.size(); }
    void Next() override { ++m_next; }
    const std::string& value() const override { return m_lines[m_next]; }
    sentencepiece::util::Status status() const override { return {}; }

private:
    std::vector<std::string> m_lines;
    std::size_t m_next = 0;
};

// Byte fallback, space at the start, spaces kept: the settings of the Llama tokenizer the published models
// use.
[[nodiscard]] inline std::string publishedStyleModel(const std::string& rule = "identity",
                                                     const std::string& extraSpaces = "false",
                                                     const std::string& type = "bpe",
                                                     const std::string& symbols = "")
{
    PublishedLines lines(sampleText());
    std::string model;
    std::unordered_map<std::string, std::string> arguments{{"model_type", type},
                                                           {"vocab_size", "420"},
                                                           {"byte_fallback", "true"},
                                                           {"split_digits", "true"},
                                                           {"add_dummy_prefix", "true"},
                                                           {"remove_extra_whitespaces", extraSpaces},
                                                           {"minloglevel", "3"},
                                                           {"num_threads", "1"},
                                                           {"normalization_rule_name", rule},
                                                           {"allow_whitespace_only_pieces", "true"}};
    if (!symbols.empty())
        arguments["user_defined_symbols"] = symbols;
    const auto status = sentencepiece::SentencePieceTrainer::Train(arguments, &lines, &model);
    if (!status.ok())
        qFatal("%s", status.error_message());
    return model;
}

} // namespace mmfree::test
