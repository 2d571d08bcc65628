// Reading the published files. The prompts are those of lm-evaluation-harness (tasks arc, openbookqa,
// hellaswag, piqa, winogrande).
#include "engine/analysis/multiple_choice.h"
#include "engine/core/atomic_file.h"
#include "engine/core/error.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace mmfree
{

namespace
{

using nlohmann::json;
constexpr std::uint64_t kLargestTask = std::uint64_t{1} << 30;
constexpr std::array<std::pair<TaskFormat, const char*>, 5> kNames{{{TaskFormat::Arc, "arc"},
                                                                    {TaskFormat::OpenBookQa, "openbookqa"},
                                                                    {TaskFormat::HellaSwag, "hellaswag"},
                                                                    {TaskFormat::Piqa, "piqa"},
                                                                    {TaskFormat::WinoGrande, "winogrande"}}};

// One line of a task: reads fields and says where it stands when one is wrong.
class Row
{
public:
    Row(const json& object, std::string where)
        : m_object(object)
        , m_where(std::move(where))
    {
    }

    [[noreturn]] void fail(const std::string& problem) const
    {
        throw Error(ErrorCode::InvalidFile, m_where + ": " + problem);
    }
    [[nodiscard]] bool has(const char* field) const { return m_object.contains(field); }
    [[nodiscard]] const json& at(const char* field) const
    {
        const auto found = m_object.find(field);
        if (found == m_object.end())
            fail("has no field \"" + std::string(field) + "\"");
        return *found;
    }
    [[nodiscard]] std::string text(const char* field) const { return textOf(at(field), field); }
    [[nodiscard]] std::string textOf(const json& value, const std::string& field) const
    {
        if (!value.is_string())
            fail("\"" + field + "\" is " + value.type_name() + ", needed: string");
        return value.get<std::string>();
    }
    // A small number, written as a number or as text.
    [[nodiscard]] std::int64_t number(const char* field) const
    {
        const json& value = at(field);
        if (value.is_number_integer())
            return value.get<std::int64_t>();
        const std::string digits = textOf(value, field);
        if (digits.empty() || digits.size() > 3 ||
            digits.find_first_not_of("0123456789") != std::string::npos)
            fail("\"" + std::string(field) + "\" is \"" + digits + "\", needed: a number");
        return std::stoll(digits);
    }
    [[nodiscard]] Row inside(const char* field) const
    {
        const json& value = at(field);
        if (!value.is_object())
            fail("\"" + std::string(field) + "\" is " + value.type_name() + ", needed: object");
        return {value, m_where + ", " + field};
    }

private:
    const json& m_object;
    std::string m_where;
};

double characterCount(const std::string& text)
{
    return static_cast<double>(std::count_if(text.begin(), text.end(), [](char byte) {
        return (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
    }));
}

std::string stripped(const std::string& text)
{
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

void addChoice(ChoiceQuestion& question, const std::string& choice)
{
    question.continuations.push_back(" " + choice);
    question.lengths.push_back(characterCount(choice));
}

// Choices as AI2 publishes them ([{"text", "label"}]) or as the hub exports them ({"text": [...], "label":
// [...]}).
void addLabelled(ChoiceQuestion& question, const Row& row, const json& choices, const std::string& key)
{
    std::vector<std::pair<std::string, std::string>> entries; // label, text
    if (choices.is_array()) {
        for (const json& choice : choices) {
            if (!choice.is_object() || !choice.contains("text") || !choice.contains("label"))
                row.fail("a choice is not an object with \"text\" and \"label\"");
            entries.emplace_back(row.textOf(choice["label"], "label"), row.textOf(choice["text"], "text"));
        }
    } else if (choices.is_object() && choices.contains("text") && choices.contains("label") &&
               choices["text"].is_array() && choices["label"].is_array() &&
               choices["text"].size() == choices["label"].size()) {
        for (std::size_t i = 0; i < choices["text"].size(); ++i)
            entries.emplace_back(row.textOf(choices["label"][i], "label"),
                                 row.textOf(choices["text"][i], "text"));
    } else {
        row.fail("\"choices\" is neither a list of {text, label} nor lists of text and label of one length");
    }
    question.correct = -1;
    for (const auto& [label, text] : entries) {
        if (label == key)
            question.correct = static_cast<std::int64_t>(question.continuations.size());
        addChoice(question, text);
    }
    if (question.correct < 0)
        row.fail("\"answerKey\" is \"" + key + "\", needed: the label of one of the choices");
}

ChoiceQuestion readLabelled(const Row& row, TaskFormat format)
{
    ChoiceQuestion question;
    const std::string key = stripped(row.text("answerKey"));
    std::string stem;
    if (row.has("question") && row.at("question").is_object()) {
        const Row inner = row.inside("question");
        stem = inner.text("stem");
        addLabelled(question, inner, inner.at("choices"), key);
    } else {
        stem = row.text(row.has("question_stem") ? "question_stem" : "question");
        addLabelled(question, row, row.at("choices"), key);
    }
    question.contexts = {format == TaskFormat::Arc ? "Question: " + stem + "\nAnswer:" : stem};
    return question;
}

// "[title]" marks and other bracketed remarks of the WikiHow part are removed, as the harness does.
std::string withoutBrackets(const std::string& given)
{
    std::string text = stripped(given);
    for (std::size_t at = text.find(" [title]"); at != std::string::npos; at = text.find(" [title]", at))
        text.replace(at, 8, ". ");
    for (std::size_t open = text.find('['); open != std::string::npos; open = text.find('[', open)) {
        const std::size_t close = text.find(']', open);
        if (close == std::string::npos)
            break;
        if (text.find('\n', open) < close) // the harness's pattern ends at a line end
            ++open;
        else
            text.erase(open, close - open + 1);
    }
    for (std::size_t at = text.find("  "); at != std::string::npos; at = text.find("  ", at + 1))
        text.erase(at, 1);
    return text;
}

// First letter upper case, the others lower (ASCII).
std::string capitalized(std::string text)
{
    for (std::size_t i = 0; i < text.size(); ++i) {
        char& letter = text[i];
        if (i == 0 && letter >= 'a' && letter <= 'z')
            letter = static_cast<char>(letter - 'a' + 'A');
        else if (i > 0 && letter >= 'A' && letter <= 'Z')
            letter = static_cast<char>(letter - 'A' + 'a');
    }
    return text;
}

ChoiceQuestion readHellaSwag(const Row& row)
{
    ChoiceQuestion question;
    question.contexts = {withoutBrackets(row.text("activity_label") + ": " + row.text("ctx_a") + " " +
                                         capitalized(row.text("ctx_b")))};
    const json& endings = row.at("endings");
    if (!endings.is_array())
        row.fail(std::string("\"endings\" is ") + endings.type_name() + ", needed: array of strings");
    for (const json& ending : endings)
        addChoice(question, withoutBrackets(row.textOf(ending, "endings")));
    question.correct = row.number("label");
    return question;
}

ChoiceQuestion readPiqa(const Row& row, const std::string* label)
{
    ChoiceQuestion question;
    question.contexts = {"Question: " + row.text("goal") + "\nAnswer:"};
    addChoice(question, row.text("sol1"));
    addChoice(question, row.text("sol2"));
    if (!label)
        question.correct = row.number("label");
    else if (*label == "0" || *label == "1")
        question.correct = *label == "1";
    else
        row.fail("its label is \"" + *label + "\", needed: 0 or 1");
    return question;
}

ChoiceQuestion readWinoGrande(const Row& row)
{
    ChoiceQuestion question;
    const std::string sentence = row.text("sentence");
    const std::size_t blank = sentence.find('_');
    if (blank == std::string::npos)
        row.fail("\"sentence\" has no _ to fill");
    for (const char* option : {"option1", "option2"}) {
        const std::string text = row.text(option);
        question.contexts.push_back(sentence.substr(0, blank) + text);
        question.lengths.push_back(characterCount(question.contexts.back()));
    }
    question.continuations = {" " + stripped(sentence.substr(blank + 1))};
    question.correct = row.number("answer") - 1;
    return question;
}

bool isOpenBookId(const std::string& id) // such as "7-980"; ARC's begin with letters
{
    const std::size_t dash = id.find('-');
    return dash != std::string::npos && dash > 0 && dash + 1 < id.size() &&
           id.find_first_not_of("0123456789-") == std::string::npos;
}

TaskFormat formatOf(const Row& row)
{
    if (row.has("ctx_a"))
        return TaskFormat::HellaSwag;
    if (row.has("goal"))
        return TaskFormat::Piqa;
    if (row.has("option1"))
        return TaskFormat::WinoGrande;
    if (row.has("question_stem") || row.has("fact1"))
        return TaskFormat::OpenBookQa;
    if (row.has("answerKey"))
        return row.has("id") && isOpenBookId(row.text("id")) ? TaskFormat::OpenBookQa : TaskFormat::Arc;
    row.fail("has the fields of none of arc, openbookqa, hellaswag, piqa and winogrande");
}

std::vector<std::string> linesOf(std::string_view text)
{
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(stripped(std::string(text.substr(0, end))));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

} // namespace

const char* taskFormatName(TaskFormat format)
{
    return std::find_if(kNames.begin(), kNames.end(),
                        [&](const auto& entry) { return entry.first == format; })
        ->second;
}

std::optional<TaskFormat> parseTaskFormat(std::string_view name)
{
    for (const auto& [format, text] : kNames) {
        if (name == text)
            return format;
    }
    return std::nullopt;
}

ChoiceTask parseChoiceTask(std::string_view jsonLines, const std::string& name,
                           std::optional<TaskFormat> format, const std::vector<std::string>& labels)
{
    ChoiceTask task;
    std::size_t number = 0;
    for (const std::string& line : linesOf(jsonLines)) {
        ++number;
        const std::string where = name + ", line " + std::to_string(number);
        if (line.empty())
            continue;
        const json object = json::parse(line, nullptr, false);
        if (!object.is_object())
            throw Error(ErrorCode::InvalidFile, where + " is not a JSON object");
        const Row row(object, where);
        if (!format)
            format = formatOf(row);
        const std::string* label = nullptr;
        if (!labels.empty() && task.questions.size() < labels.size())
            label = &labels[task.questions.size()];
        else if (!labels.empty())
            row.fail("has no line in the labels file, which has " + std::to_string(labels.size()));
        switch (*format) {
        case TaskFormat::Arc:
        case TaskFormat::OpenBookQa:
            task.questions.push_back(readLabelled(row, *format));
            break;
        case TaskFormat::HellaSwag:
            task.questions.push_back(readHellaSwag(row));
            break;
        case TaskFormat::Piqa:
            task.questions.push_back(readPiqa(row, label));
            break;
        case TaskFormat::WinoGrande:
            task.questions.push_back(readWinoGrande(row));
            break;
        }
        const ChoiceQuestion& question = task.questions.back();
        if (question.size() < 2)
            row.fail("has " + std::to_string(question.size()) + " choices, needed: at least 2");
        if (question.correct < 0 || question.correct >= static_cast<std::int64_t>(question.size()))
            row.fail("the right answer is number " + std::to_string(question.correct) +
                     " from 0, needed: below " + std::to_string(question.size()));
        if (std::ranges::any_of(question.lengths, [](double length) { return length == 0.0; }))
            row.fail("has an empty choice");
    }
    if (task.questions.empty())
        throw Error(ErrorCode::InvalidFile, name + " holds no question");
    task.format = *format;
    if (!labels.empty() && labels.size() != task.questions.size())
        throw Error(ErrorCode::InvalidFile, name + " has " + std::to_string(task.questions.size()) +
                                                " questions but " + std::to_string(labels.size()) +
                                                " labels");
    return task;
}

ChoiceTask readChoiceTask(const std::filesystem::path& file, std::optional<TaskFormat> format,
                          const std::filesystem::path& labels)
{
    std::vector<std::string> right;
    if (!labels.empty()) {
        right = linesOf(readTextFile(labels, kLargestTask));
        if (right.empty())
            throw Error(ErrorCode::InvalidFile, labels.string() + " is empty, needed: one label a line");
    }
    return parseChoiceTask(readTextFile(file, kLargestTask), file.string(), format, right);
}

} // namespace mmfree
