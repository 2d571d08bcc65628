// `mmfree chat MODEL`: a conversation in the terminal with the model's own chat template.
#include "app/cli/command.h"
#include "app/cli/console.h"
#include "app/cli/interrupt.h"
#include "app/cli/model_options.h"
#include "app/cli/sampling_flags.h"
#include "engine/core/error.h"

#include <iostream>
#include <optional>

namespace mmfree::cli
{

namespace
{

struct ChatOptions {
    std::string model, system, chatTemplateFile;
    GenerateOptions generate;
    ExecutionFlags execution;
    bool stats = false;
};

class Conversation
{
public:
    Conversation(Session session, ChatTemplate chatTemplate, const ChatOptions& options)
        : m_session(std::move(session))
        , m_template(std::move(chatTemplate))
        , m_options(options)
        , m_generate(options.generate)
    {
        m_generate.stopStrings.insert(m_generate.stopStrings.end(), m_template.stopStrings.begin(),
                                      m_template.stopStrings.end());
        start();
    }

    void start()
    {
        m_session.reset();
        m_turns = 0;
        m_stats.reset();
        const std::string& system = m_options.system.empty() ? m_template.systemPrompt : m_options.system;
        if (!system.empty())
            addTurn({ChatRole::System, system});
    }

    // A question that cannot be read (the context is full) is forgotten; the conversation stays as it was.
    void answer(const std::string& text)
    {
        const SessionSnapshot beforeQuestion = m_session.snapshot();
        const int turnsBefore = m_turns;
        try {
            answerTurn(text);
        } catch (const Error& error) {
            m_session.restore(beforeQuestion);
            m_turns = turnsBefore;
            std::cerr << "mmfree: " << error.what() << "; /reset starts a new conversation" << std::endl;
        }
    }

    void printStats() const
    {
        if (m_stats)
            std::cerr << statsText(*m_stats) << '\n';
        std::cerr << m_session.tokens().size() << " tokens in this conversation, state "
                  << bytesText(m_session.memoryUse().stateBytes) << std::endl;
    }

private:
    void answerTurn(const std::string& text)
    {
        addTurn({ChatRole::User, text});
        const SessionSnapshot beforeAnswer = m_session.snapshot();
        const std::string answerStart = renderAnswerStart(m_template);
        if (!answerStart.empty())
            m_session.appendText(answerStart, true);
        const InterruptScope interrupt;
        const GenerationResult result =
            m_session.generate(m_generate, interrupt.token(),
                               [](const GeneratedToken& token) { std::cout << token.text << std::flush; });
        if (result.reason == StopReason::Cancelled)
            std::cout << " [stopped]";
        std::cout << std::endl;
        if (result.reason == StopReason::ContextFull)
            std::cerr << "The model's context is full; /reset starts a new conversation." << std::endl;
        m_stats = result.stats;
        // What is remembered is the rendered turn, without the tokens of a stop string that were already
        // written.
        m_session.restore(beforeAnswer);
        addTurn({ChatRole::Assistant, result.text});
        // The next question draws other random numbers, and the whole conversation still repeats for a seed.
        ++m_generate.sampling.seed;
    }

    void addTurn(const ChatTurn& turn)
    {
        m_session.appendText(renderTurn(m_template, turn, m_turns == 0), true);
        ++m_turns;
    }

    Session m_session;
    ChatTemplate m_template;
    const ChatOptions& m_options;
    GenerateOptions m_generate;
    int m_turns = 0;
    std::optional<GenerationStats> m_stats;
};

// Answers a line that starts with "/". Returns false when the chat ends.
bool runChatCommand(const std::string& text, Conversation& conversation)
{
    if (text == "/quit" || text == "/exit")
        return false;
    if (text == "/reset") {
        conversation.start();
        std::cerr << "A new conversation." << std::endl;
    } else if (text == "/stats") {
        conversation.printStats();
    } else {
        if (text != "/help")
            std::cerr << "Unknown command " << text << ". ";
        std::cerr
            << "Commands: /reset new conversation, /stats speed and memory, /quit end; Ctrl+C stops an answer"
            << std::endl;
    }
    return true;
}

ChatTemplate chosenTemplate(const ChatOptions& options, const ModelSource& source)
{
    if (options.chatTemplateFile.empty())
        return chatTemplateOf(source);
    return parseChatTemplate(readTextArgument(options.chatTemplateFile), options.chatTemplateFile);
}

int runChat(const ChatOptions& options)
{
    validateSamplingOptions(options.generate.sampling);
    const OpenedModel model = openForUse(options.model);
    (void)requireTokenizer(model, "to chat"); // throws without one
    const ChatTemplate chatTemplate = chosenTemplate(options, *model.source);
    Conversation conversation(Session(createExecutor(model.source, options.execution), model.tokenizer),
                              chatTemplate, options);
    const bool interactive = stdinIsTerminal();
    if (interactive) {
        std::cerr << model.source->name() << ". /help lists commands, Ctrl+C stops an answer, Ctrl+D ends."
                  << std::endl;
    }
    std::string text;
    while (true) {
        if (interactive)
            std::cerr << "> " << std::flush;
        if (!std::getline(std::cin, text))
            break;
        if (text.empty())
            continue;
        if (text.front() == '/') {
            if (!runChatCommand(text, conversation))
                return kExitSuccess;
            continue;
        }
        const std::size_t invalid = findInvalidUtf8(text);
        if (invalid != std::string::npos) {
            std::cerr << "byte " << invalid << " of the line is not UTF-8, needed: UTF-8 text" << std::endl;
            continue;
        }
        conversation.answer(text);
        if (options.stats)
            conversation.printStats();
    }
    if (interactive)
        std::cerr << std::endl;
    return kExitSuccess;
}

} // namespace

void addChatCommand(CommandLine& line)
{
    CLI::App* added = addCommand<ChatOptions>(
        line, "chat", "Talk with a model",
        [](CLI::App& command, ChatOptions& options) {
            addModelArgument(command, options.model);
            command.add_option("--system", options.system, "System turn instead of the chat template's own");
            command
                .add_option("--chat-template", options.chatTemplateFile,
                            "JSON file used instead of the model's chat template")
                ->type_name("FILE");
            addSamplingFlags(command, options.generate);
            addExecutionFlags(command, options.execution);
            command.add_flag("--stats", options.stats, "Speed and memory on stderr after every answer");
        },
        runChat);
    added->footer("One line of input is one turn. /reset starts a new conversation, /stats shows speed and "
                  "memory, /quit ends.\n"
                  "Ctrl+C stops the answer; at the prompt it ends the program.");
}

} // namespace mmfree::cli
