<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ru" sourcelanguage="en">
<context>
    <name>CompareMetric</name>
    <message>
        <source>Writing speed</source>
        <translation>Скорость генерации</translation>
    </message>
    <message>
        <source>Written tokens divided by the time of their choice and forward pass, one value a round.</source>
        <translation>Число написанных токенов, делённое на время их выбора и прямого прохода; одно значение за раунд.</translation>
    </message>
    <message>
        <source>Time per token</source>
        <translation>Время на токен</translation>
    </message>
    <message>
        <source>Median over all written tokens of all rounds, with the range that holds 90 % of them.</source>
        <translation>Медиана по всем написанным токенам всех раундов и диапазон, в который попадают 90 % из них.</translation>
    </message>
    <message>
        <source>Slow tokens (95 %)</source>
        <translation>Медленные токены (95 %)</translation>
    </message>
    <message>
        <source>95 of 100 written tokens of a round come within this time.</source>
        <translation>В это время укладываются 95 из 100 токенов раунда.</translation>
    </message>
    <message>
        <source>Reading speed</source>
        <translation>Скорость чтения</translation>
    </message>
    <message>
        <source>Prompt tokens divided by the time to read them up to the logits of the last one.</source>
        <translation>Число токенов промпта, делённое на время их чтения до логитов последнего.</translation>
    </message>
    <message>
        <source>Time to first token</source>
        <translation>Время до первого токена</translation>
    </message>
    <message>
        <source>Reading the first prompt, up to the logits of its last token.</source>
        <translation>Чтение первого промпта до логитов его последнего токена.</translation>
    </message>
    <message>
        <source>Whole run</source>
        <translation>Весь прогон</translation>
    </message>
    <message>
        <source>All passes of the workload: reading and writing.</source>
        <translation>Все проходы нагрузки: чтение и генерация.</translation>
    </message>
    <message>
        <source>Loading</source>
        <translation>Загрузка</translation>
    </message>
    <message>
        <source>Opening the model and preparing its weights, once.</source>
        <translation>Открытие модели и подготовка её весов, один раз.</translation>
    </message>
    <message>
        <source>Memory, measured</source>
        <translation>Память, измерено</translation>
    </message>
    <message>
        <source>What the process grew by since before loading: resident memory, or memory in use of a CUDA device.</source>
        <translation>На сколько вырос процесс с момента до загрузки: резидентная память или занятая память устройства CUDA.</translation>
    </message>
    <message>
        <source>    weights</source>
        <translation>    веса</translation>
    </message>
    <message>
        <source>Computed: packed weights, norms and embeddings, by the allocators.</source>
        <translation>Рассчитано: упакованные веса, нормировки и эмбеддинги, по данным распределителей.</translation>
    </message>
    <message>
        <source>    state or KV cache</source>
        <translation>    состояние или KV-кэш</translation>
    </message>
    <message>
        <source>Computed: the recurrent state, which is constant, or the key-value cache at the end of the longest pass.</source>
        <translation>Рассчитано: постоянное рекуррентное состояние или кэш ключей и значений в конце самого длинного прохода.</translation>
    </message>
    <message>
        <source>    activations</source>
        <translation>    активации</translation>
    </message>
    <message>
        <source>Computed: workspaces of a forward pass and logits.</source>
        <translation>Рассчитано: рабочая память прямого прохода и логиты.</translation>
    </message>
    <message>
        <source>    other</source>
        <translation>    прочее</translation>
    </message>
    <message>
        <source>Further heap of the process, and program code and libraries that came into memory with the contender.</source>
        <translation>Остальная куча процесса, а также код программы и библиотеки, загруженные вместе с участником.</translation>
    </message>
    <message>
        <source>    unexplained rest</source>
        <translation>    необъяснённый остаток</translation>
    </message>
    <message>
        <source>Measured less all parts above. Negative: reserved but not touched yet.</source>
        <translation>Измеренное минус все части выше. Отрицательное: зарезервировано, но ещё не использовано.</translation>
    </message>
    <message>
        <source>Energy per token</source>
        <translation>Энергия на токен</translation>
    </message>
    <message>
        <source>Difference of the energy counter over a run less idle power, divided by tokens read and written. Never estimated.</source>
        <translation>Разность счётчика энергии за прогон минус мощность простоя, делённая на прочитанные и написанные токены. Никогда не оценивается приблизительно.</translation>
    </message>
</context>
<context>
    <name>DataCard</name>
    <message>
        <source>id %1</source>
        <translation>id %1</translation>
    </message>
</context>
<context>
    <name>ErrorInfo</name>
    <message>
        <source>The operating system refused more memory.</source>
        <translation>Операционная система отказала в памяти.</translation>
    </message>
    <message>
        <source>A setting cannot be used</source>
        <translation>Параметр нельзя использовать</translation>
    </message>
    <message>
        <source>The file is damaged or not a model</source>
        <translation>Файл повреждён или не является моделью</translation>
    </message>
    <message>
        <source>The model&apos;s configuration is not supported</source>
        <translation>Конфигурация модели не поддерживается</translation>
    </message>
    <message>
        <source>The text cannot be used</source>
        <translation>Текст нельзя использовать</translation>
    </message>
    <message>
        <source>A file could not be read or written</source>
        <translation>Файл не удалось прочитать или записать</translation>
    </message>
    <message>
        <source>There is not enough memory</source>
        <translation>Недостаточно памяти</translation>
    </message>
    <message>
        <source>The backend is not available</source>
        <translation>Бэкенд недоступен</translation>
    </message>
    <message>
        <source>The model holds numbers that are not finite</source>
        <translation>В модели есть бесконечные значения или NaN</translation>
    </message>
    <message>
        <source>Something went wrong</source>
        <translation>Что-то пошло не так</translation>
    </message>
</context>
<context>
    <name>Flow</name>
    <message>
        <source>Input of the block</source>
        <translation>Вход блока</translation>
    </message>
    <message>
        <source>The token’s vector as the layer below left it. In layer 0 it is the token’s row of the embedding table.</source>
        <translation>Вектор токена, каким его оставил слой ниже. В слое 0 это строка токена в таблице эмбеддингов.</translation>
    </message>
    <message>
        <source>RMSNorm</source>
        <translation>RMSNorm</translation>
    </message>
    <message>
        <source>The vector is divided by its root mean square and weighted per channel, so that its size no longer matters.</source>
        <translation>Вектор делится на своё среднеквадратичное и взвешивается по каналам, чтобы его величина больше не имела значения.</translation>
    </message>
    <message>
        <source>Rounded to 8 bits</source>
        <translation>Округление до 8 бит</translation>
    </message>
    <message>
        <source>Normed once more and rounded to whole numbers from −128 to 127. The largest value becomes 127; one factor for the whole token is kept to scale back.</source>
        <translation>Ещё раз нормируется и округляется до целых от −128 до 127. Наибольшее значение становится 127; один множитель на весь токен хранится, чтобы вернуть масштаб.</translation>
    </message>
    <message>
        <source>Forget projection</source>
        <translation>Проекция забывания</translation>
    </message>
    <message>
        <source>A ternary matrix: each output adds the inputs with weight +1, subtracts those with −1 and skips those with 0. The sums are exact whole numbers; one multiplication an output scales them.</source>
        <translation>Троичная матрица: каждый выход складывает входы с весом +1, вычитает с весом −1 и пропускает с весом 0. Суммы — точные целые; масштаб возвращает одно умножение на выход.</translation>
    </message>
    <message>
        <source>Forget gate f</source>
        <translation>Затвор забывания f</translation>
    </message>
    <message>
        <source>A sigmoid, lifted to the layer’s learned lower bound: how much of the old state each channel keeps, from 0 to 1.</source>
        <translation>Сигмоида, поднятая до выученной нижней границы слоя: какую часть прежнего состояния сохраняет каждый канал, от 0 до 1.</translation>
    </message>
    <message>
        <source>Input projection</source>
        <translation>Проекция входа</translation>
    </message>
    <message>
        <source>The second ternary product of the same rounded input, again without multiplications.</source>
        <translation>Второе троичное произведение того же округлённого входа, снова без умножений.</translation>
    </message>
    <message>
        <source>Candidate c</source>
        <translation>Кандидат c</translation>
    </message>
    <message>
        <source>What this token would like to write into the state: silu of the projection, times 1 − f.</source>
        <translation>Что этот токен хочет записать в состояние: silu от проекции, умноженная на 1 − f.</translation>
    </message>
    <message>
        <source>State h</source>
        <translation>Состояние h</translation>
    </message>
    <message>
        <source>h = f · h(before) + c. One number a channel is all the layer remembers of the whole text; its size never grows.</source>
        <translation>h = f · h(до) + c. Одно число на канал — всё, что слой помнит обо всём тексте; размер никогда не растёт.</translation>
    </message>
    <message>
        <source>Gate projection</source>
        <translation>Проекция затвора</translation>
    </message>
    <message>
        <source>A third ternary product of the input decides what of the state is shown.</source>
        <translation>Третье троичное произведение входа решает, что из состояния показать.</translation>
    </message>
    <message>
        <source>Output gate</source>
        <translation>Выходной затвор</translation>
    </message>
    <message>
        <source>The gate projection after its RMSNorm.</source>
        <translation>Проекция затвора после своей RMSNorm.</translation>
    </message>
    <message>
        <source>Gated state</source>
        <translation>Состояние после затвора</translation>
    </message>
    <message>
        <source>The output gate times silu of the state, channel by channel.</source>
        <translation>Выходной затвор, умноженный на silu состояния, канал за каналом.</translation>
    </message>
    <message>
        <source>Output projection</source>
        <translation>Проекция выхода</translation>
    </message>
    <message>
        <source>The fourth ternary product mixes the channels of the gated state.</source>
        <translation>Четвёртое троичное произведение смешивает каналы состояния после затвора.</translation>
    </message>
    <message>
        <source>After the token mixer</source>
        <translation>После смесителя токенов</translation>
    </message>
    <message>
        <source>The projection is added to the block’s input. Nothing is lost: the layer only adds to the stream.</source>
        <translation>Проекция прибавляется ко входу блока. Ничего не теряется: слой только добавляет в поток.</translation>
    </message>
    <message>
        <source>GLU: gate and up</source>
        <translation>GLU: затвор и расширение</translation>
    </message>
    <message>
        <source>After another norm and rounding, one wide ternary product gives a gate and a value for each inner channel.</source>
        <translation>После ещё одной нормировки и округления одно широкое троичное произведение даёт затвор и значение для каждого внутреннего канала.</translation>
    </message>
    <message>
        <source>GLU activation</source>
        <translation>Активация GLU</translation>
    </message>
    <message>
        <source>silu of the gate times the value, on the wide inner channels.</source>
        <translation>silu затвора, умноженная на значение, в широких внутренних каналах.</translation>
    </message>
    <message>
        <source>GLU: down</source>
        <translation>GLU: сужение</translation>
    </message>
    <message>
        <source>The last ternary product brings the inner channels back to the width of the stream.</source>
        <translation>Последнее троичное произведение возвращает внутренние каналы к ширине потока.</translation>
    </message>
    <message>
        <source>Output of the block</source>
        <translation>Выход блока</translation>
    </message>
    <message>
        <source>The sum goes to the next layer, or after the last one through the final norm and the ternary head to the next token.</source>
        <translation>Сумма идёт в следующий слой, а после последнего — через конечную нормировку и троичную голову к следующему токену.</translation>
    </message>
</context>
<context>
    <name>QObject</name>
    <message>
        <source>Threshold</source>
        <translation>Порог</translation>
    </message>
</context>
<context>
    <name>Quantity</name>
    <message>
        <source>Block input</source>
        <translation>Вход блока</translation>
    </message>
    <message>
        <source>Quantised input (int8)</source>
        <translation>Квантованный вход (int8)</translation>
    </message>
    <message>
        <source>Forget gate</source>
        <translation>Затвор забывания</translation>
    </message>
    <message>
        <source>Candidate</source>
        <translation>Кандидат</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Состояние</translation>
    </message>
    <message>
        <source>Output gate</source>
        <translation>Выходной затвор</translation>
    </message>
    <message>
        <source>Mixer output</source>
        <translation>Выход смесителя</translation>
    </message>
    <message>
        <source>After the mixer</source>
        <translation>После смесителя</translation>
    </message>
    <message>
        <source>GLU activation</source>
        <translation>Активация GLU</translation>
    </message>
    <message>
        <source>Block output</source>
        <translation>Выход блока</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>Внимание</translation>
    </message>
    <message>
        <source>Final norm</source>
        <translation>Конечная нормировка</translation>
    </message>
</context>
<context>
    <name>TemplatePanel</name>
    <message>
        <source>A question</source>
        <translation>Вопрос</translation>
    </message>
    <message>
        <source>An answer</source>
        <translation>Ответ</translation>
    </message>
    <message>
        <source>Another question</source>
        <translation>Ещё один вопрос</translation>
    </message>
</context>
<context>
    <name>TensorFilter</name>
    <message>
        <source>“%1” cannot be compared; known: %2</source>
        <translation>«%1» нельзя сравнивать; известны: %2</translation>
    </message>
    <message>
        <source>“%1” needs a number behind %2</source>
        <translation>В «%1» после %2 нужно число</translation>
    </message>
    <message>
        <source>“%1” needs a layer or a range, for example layer:3-5</source>
        <translation>В «%1» нужен слой или диапазон, например layer:3-5</translation>
    </message>
    <message>
        <source>“%1” is not known; use type:, layer: or name:</source>
        <translation>«%1» неизвестно; используйте type:, layer: или name:</translation>
    </message>
    <message>
        <source>“%1” needs a name</source>
        <translation>В «%1» нужно имя</translation>
    </message>
</context>
<context>
    <name>TernaryStrip</name>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
</context>
<context>
    <name>export</name>
    <message>
        <source>Save picture</source>
        <translation>Сохранить изображение</translation>
    </message>
    <message>
        <source>Pictures (*.png *.svg *.pdf)</source>
        <translation>Изображения (*.png *.svg *.pdf)</translation>
    </message>
</context>
<context>
    <name>main</name>
    <message>
        <source>Chat with language models that need no matrix multiplication.</source>
        <translation>Чат с языковыми моделями, которым не нужно умножение матриц.</translation>
    </message>
    <message>
        <source>Show this page.</source>
        <translation>Открыть эту страницу.</translation>
    </message>
    <message>
        <source>Write a picture of the window to FILE (PNG) and end.</source>
        <translation>Сохранить снимок окна в FILE (PNG) и завершить работу.</translation>
    </message>
    <message>
        <source>Send this text when the model is ready.</source>
        <translation>Отправить этот текст, когда модель будет готова.</translation>
    </message>
    <message>
        <source>system, light or dark.</source>
        <translation>system, light или dark.</translation>
    </message>
    <message>
        <source>system, en or ru.</source>
        <translation>system, en или ru.</translation>
    </message>
    <message>
        <source>Size of the window.</source>
        <translation>Размер окна.</translation>
    </message>
    <message>
        <source>Folder for chats and settings (else MMFREE_DATA_DIR).</source>
        <translation>Папка для чатов и настроек (иначе MMFREE_DATA_DIR).</translation>
    </message>
    <message>
        <source>Model folder or packed model file.</source>
        <translation>Папка модели или файл упакованной модели.</translation>
    </message>
</context>
<context>
    <name>mmfree::app::MainWindow</name>
    <message>
        <source>Model</source>
        <translation>Модель</translation>
    </message>
    <message>
        <source>View</source>
        <translation>Вид</translation>
    </message>
    <message>
        <source>Help</source>
        <translation>Справка</translation>
    </message>
    <message>
        <source>&amp;Open model folder…</source>
        <translation>&amp;Открыть папку модели…</translation>
    </message>
    <message>
        <source>Ctrl+O</source>
        <translation>Ctrl+O</translation>
    </message>
    <message>
        <source>Open &amp;packed model…</source>
        <translation>Открыть &amp;файл модели…</translation>
    </message>
    <message>
        <source>Ctrl+Shift+O</source>
        <translation>Ctrl+Shift+O</translation>
    </message>
    <message>
        <source>Open &amp;bundled model</source>
        <translation>Открыть &amp;встроенную модель</translation>
    </message>
    <message>
        <source>Go to</source>
        <translation>Переход</translation>
    </message>
    <message>
        <source>Ctrl+%1</source>
        <translation>Ctrl+%1</translation>
    </message>
    <message>
        <source>Theme: &amp;system</source>
        <translation>Тема: &amp;системная</translation>
    </message>
    <message>
        <source>Theme: &amp;light</source>
        <translation>Тема: с&amp;ветлая</translation>
    </message>
    <message>
        <source>Theme: &amp;dark</source>
        <translation>Тема: &amp;тёмная</translation>
    </message>
    <message>
        <source>Language: &amp;as the system</source>
        <translation>Язык: &amp;как в системе</translation>
    </message>
    <message>
        <source>Next pane</source>
        <translation>Следующая панель</translation>
    </message>
    <message>
        <source>F6</source>
        <translation>F6</translation>
    </message>
    <message>
        <source>Previous pane</source>
        <translation>Предыдущая панель</translation>
    </message>
    <message>
        <source>Shift+F6</source>
        <translation>Shift+F6</translation>
    </message>
    <message>
        <source>&amp;Full screen</source>
        <translation>&amp;Полный экран</translation>
    </message>
    <message>
        <source>F11</source>
        <translation>F11</translation>
    </message>
    <message>
        <source>&amp;Command palette…</source>
        <translation>Палитра &amp;команд…</translation>
    </message>
    <message>
        <source>Ctrl+Shift+P</source>
        <translation>Ctrl+Shift+P</translation>
    </message>
    <message>
        <source>&amp;Help and shortcuts</source>
        <translation>&amp;Справка и клавиши</translation>
    </message>
    <message>
        <source>F1</source>
        <translation>F1</translation>
    </message>
    <message>
        <source>&amp;About MatMul-Free Studio</source>
        <translation>&amp;О программе MatMul-Free Studio</translation>
    </message>
    <message>
        <source>Program</source>
        <translation>Программа</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>В&amp;ыход</translation>
    </message>
    <message>
        <source>Ctrl+Q</source>
        <translation>Ctrl+Q</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>&amp;Файл</translation>
    </message>
    <message>
        <source>&amp;Recent models</source>
        <translation>&amp;Недавние модели</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>&amp;Вид</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>&amp;Справка</translation>
    </message>
    <message>
        <source>Open a model folder</source>
        <translation>Открытие папки модели</translation>
    </message>
    <message>
        <source>Open a packed model</source>
        <translation>Открытие файла модели</translation>
    </message>
    <message>
        <source>Models (*.safetensors);;All files (*)</source>
        <translation>Модели (*.safetensors);;Все файлы (*)</translation>
    </message>
    <message>
        <source>About MatMul-Free Studio</source>
        <translation>О программе MatMul-Free Studio</translation>
    </message>
    <message>
        <source>&lt;h3&gt;MatMul-Free Studio %1&lt;/h3&gt;&lt;p&gt;Chat with, inspect and train language models without matrix multiplication (arXiv 2406.02528).&lt;/p&gt;&lt;p&gt;Free software under the GNU GPL, version 3 or later.&lt;/p&gt;</source>
        <translation>&lt;h3&gt;MatMul-Free Studio %1&lt;/h3&gt;&lt;p&gt;Чат, исследование и обучение языковых моделей без умножения матриц (arXiv 2406.02528).&lt;/p&gt;&lt;p&gt;Свободная программа под лицензией GNU GPL версии 3 или новее.&lt;/p&gt;</translation>
    </message>
    <message>
        <source>Your earlier chats could not be read</source>
        <translation>Прежние чаты не удалось прочитать</translation>
    </message>
    <message>
        <source>Backend</source>
        <translation>Бэкенд</translation>
    </message>
    <message>
        <source>State of one conversation</source>
        <translation>Состояние одного разговора</translation>
    </message>
    <message>
        <source>Memory of this program</source>
        <translation>Память программы</translation>
    </message>
    <message>
        <source>Speed of the latest answer</source>
        <translation>Скорость последнего ответа</translation>
    </message>
    <message>
        <source>Opening a model</source>
        <translation>Открытие модели</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Отмена</translation>
    </message>
    <message>
        <source>%1 was not opened: %2</source>
        <translation>Не удалось открыть %1: %2</translation>
    </message>
    <message>
        <source>%1 – MatMul-Free Studio</source>
        <translation>%1 – MatMul-Free Studio</translation>
    </message>
    <message>
        <source>“%1” was deleted</source>
        <translation>Чат «%1» удалён</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Вернуть</translation>
    </message>
    <message>
        <source>Opening…</source>
        <translation>Открывается…</translation>
    </message>
    <message>
        <source>No model</source>
        <translation>Нет модели</translation>
    </message>
    <message>
        <source>RAM %1</source>
        <translation>ОЗУ %1</translation>
    </message>
    <message>
        <source>state %1</source>
        <translation>состояние %1</translation>
    </message>
    <message>
        <source>reading</source>
        <translation>чтение</translation>
    </message>
    <message>
        <source>&amp;Local server…</source>
        <translation>&amp;Локальный сервер…</translation>
    </message>
    <message>
        <source>Let other programs of this machine use the open model</source>
        <translation>Дать другим программам этого компьютера пользоваться открытой моделью</translation>
    </message>
</context>
<context>
    <name>mmfree::app::ScreenshotRun</name>
    <message>
        <source>the picture could not be encoded</source>
        <translation>не удалось закодировать изображение</translation>
    </message>
</context>
<context>
    <name>mmfree::app::ServerDialog</name>
    <message>
        <source>&amp;Copy</source>
        <translation>&amp;Копировать</translation>
    </message>
    <message>
        <source>Local server</source>
        <translation>Локальный сервер</translation>
    </message>
    <message>
        <source>Lets programs of this machine use the open model through the interface of OpenAI: /v1/models, /v1/completions and /v1/chat/completions. Other machines cannot reach it.</source>
        <translation>Позволяет программам этого компьютера пользоваться открытой моделью через интерфейс OpenAI: /v1/models, /v1/completions и /v1/chat/completions. С других компьютеров он недоступен.</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>Порт</translation>
    </message>
    <message>
        <source>none: every program of this machine may ask</source>
        <translation>нет: обращаться может любая программа этого компьютера</translation>
    </message>
    <message>
        <source>API key</source>
        <translation>Ключ API</translation>
    </message>
    <message>
        <source>How to call it</source>
        <translation>Как обратиться</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Время</translation>
    </message>
    <message>
        <source>Request</source>
        <translation>Запрос</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>Статус</translation>
    </message>
    <message>
        <source>Read</source>
        <translation>Прочитано</translation>
    </message>
    <message>
        <source>Written</source>
        <translation>Написано</translation>
    </message>
    <message>
        <source>Took</source>
        <translation>Заняло</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>Запросы</translation>
    </message>
    <message>
        <source>&amp;Port</source>
        <translation>&amp;Порт</translation>
    </message>
    <message>
        <source>API &amp;key</source>
        <translation>&amp;Ключ API</translation>
    </message>
    <message>
        <source>Not started: %1</source>
        <translation>Не запущен: %1</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Выключен</translation>
    </message>
    <message>
        <source>Off: open a model first</source>
        <translation>Выключен: сначала откройте модель</translation>
    </message>
    <message>
        <source>Opening the model for the server…</source>
        <translation>Модель открывается для сервера…</translation>
    </message>
    <message>
        <source>%1 at %2/v1</source>
        <translation>%1 по адресу %2/v1</translation>
    </message>
    <message>
        <source>Ending, requests in progress have some seconds…</source>
        <translation>Завершение; у текущих запросов есть несколько секунд…</translation>
    </message>
    <message>
        <source>&amp;Switch off</source>
        <translation>&amp;Выключить</translation>
    </message>
    <message>
        <source>&amp;Switch on</source>
        <translation>&amp;Включить</translation>
    </message>
    <message>
        <source>Requests: %1 · in progress: %2 · tokens read: %3, known from before: %4, written: %5</source>
        <translation>Запросов: %1 · в работе: %2 · токенов прочитано: %3, известно заранее: %4, написано: %5</translation>
    </message>
    <message>
        <source>client left</source>
        <translation>клиент ушёл</translation>
    </message>
</context>
<context>
    <name>mmfree::gui</name>
    <message>
        <source>%1 ms</source>
        <translation>%1 мс</translation>
    </message>
    <message>
        <source>%1 s</source>
        <translation>%1 с</translation>
    </message>
    <message>
        <source>%1 tok/s</source>
        <translation>%1 ток/с</translation>
    </message>
    <message>
        <source>%1 B</source>
        <translation>%1 млрд</translation>
    </message>
    <message>
        <source>%1 M</source>
        <translation>%1 млн</translation>
    </message>
    <message>
        <source>%1 k</source>
        <translation>%1 тыс.</translation>
    </message>
    <message>
        <source>First token %1</source>
        <translation>Первый токен %1</translation>
    </message>
    <message>
        <source>1 token</source>
        <translation>1 токен</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 ток.</translation>
    </message>
    <message>
        <source>%1 bytes</source>
        <translation>%1 байт</translation>
    </message>
    <message>
        <source>%1 KiB</source>
        <translation>%1 КиБ</translation>
    </message>
    <message>
        <source>%1 MiB</source>
        <translation>%1 МиБ</translation>
    </message>
    <message>
        <source>%1 GiB</source>
        <translation>%1 ГиБ</translation>
    </message>
    <message>
        <source>%1 TiB</source>
        <translation>%1 ТиБ</translation>
    </message>
    <message>
        <source>binary</source>
        <translation>двоичный</translation>
    </message>
    <message>
        <source>not UTF-8</source>
        <translation>не UTF-8</translation>
    </message>
    <message>
        <source>There is not enough memory for this model.</source>
        <translation>Для этой модели не хватает памяти.</translation>
    </message>
    <message>
        <source>%1:%2 min</source>
        <translation>%1:%2 мин</translation>
    </message>
    <message>
        <source>%1 h %2 min</source>
        <translation>%1 ч %2 мин</translation>
    </message>
    <message>
        <source>%1 d %2 h</source>
        <translation>%1 д %2 ч</translation>
    </message>
    <message>
        <source>System</source>
        <translation>Система</translation>
    </message>
    <message>
        <source>You</source>
        <translation>Вы</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Модель</translation>
    </message>
    <message>
        <source>%1 is %2, needed: %3</source>
        <translation>%1: %2, нужно: %3</translation>
    </message>
    <message>
        <source>absent</source>
        <translation>отсутствует</translation>
    </message>
    <message>
        <source>text</source>
        <translation>текст</translation>
    </message>
    <message>
        <source>the number of an earlier message, or 0 for the first</source>
        <translation>номер более раннего сообщения или 0 для первого</translation>
    </message>
    <message>
        <source>user, assistant or system</source>
        <translation>user, assistant или system</translation>
    </message>
    <message>
        <source>The file is a JSON list or value, needed: an object</source>
        <translation>В файле список или значение JSON, нужен объект</translation>
    </message>
    <message>
        <source>The file is not JSON: %1 at byte %2</source>
        <translation>Файл не является JSON: %1, байт %2</translation>
    </message>
    <message>
        <source>a list</source>
        <translation>список</translation>
    </message>
    <message>
        <source>an object</source>
        <translation>объект</translation>
    </message>
    <message>
        <source>a list of at most %1 messages</source>
        <translation>список не длиннее %1 сообщений</translation>
    </message>
    <message>
        <source>The file holds no chats, needed: at least one</source>
        <translation>В файле нет чатов, нужен хотя бы один</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ActionRegistry</name>
    <message>
        <source>%1 (%2)</source>
        <translation>%1 (%2)</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ActivationsView</name>
    <message>
        <source>Activations</source>
        <translation>Активации</translation>
    </message>
    <message>
        <source>View</source>
        <translation>Вид</translation>
    </message>
    <message>
        <source>Channels × tokens</source>
        <translation>Каналы × токены</translation>
    </message>
    <message>
        <source>Layers × tokens</source>
        <translation>Слои × токены</translation>
    </message>
    <message>
        <source>Quantity</source>
        <translation>Величина</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>Слой</translation>
    </message>
    <message>
        <source>The text is being read…</source>
        <translation>Текст читается…</translation>
    </message>
    <message>
        <source>Next tokens by layer</source>
        <translation>Следующие токены по слоям</translation>
    </message>
    <message>
        <source>%1.</source>
        <translation>%1.</translation>
    </message>
    <message>
        <source>What each layer would say next</source>
        <translation>Что сказал бы дальше каждый слой</translation>
    </message>
    <message>
        <source>layer %1 at “%2”: root mean square %3</source>
        <translation>слой %1 на «%2»: среднеквадратичное %3</translation>
    </message>
    <message>
        <source>channel %1 at “%2”: %3</source>
        <translation>канал %1 на «%2»: %3</translation>
    </message>
    <message>
        <source>A large capture</source>
        <translation>Большой захват</translation>
    </message>
    <message>
        <source>Reading this text takes %1 of memory for what is shown. Go on?</source>
        <translation>Чтение этого текста займёт %1 памяти для показа. Продолжить?</translation>
    </message>
    <message>
        <source>Layer %1</source>
        <translation>Слой %1</translation>
    </message>
    <message>
        <source>layer %1</source>
        <translation>слой %1</translation>
    </message>
    <message>
        <source>%1, root mean square</source>
        <translation>%1, среднеквадратичное</translation>
    </message>
    <message>
        <source>%1  %2 %</source>
        <translation>%1  %2 %</translation>
    </message>
    <message>
        <source>token %1, probability %2 %, logit %3</source>
        <translation>токен %1, вероятность %2 %, логит %3</translation>
    </message>
    <message>
        <source>Behind “%1”: each layer’s output through the final norm and the head. The last row is what the model says.</source>
        <translation>После «%1»: выход каждого слоя через конечную нормировку и голову. Последняя строка — то, что говорит модель.</translation>
    </message>
    <message>
        <source>%1  &lt;1 %</source>
        <translation>%1  &lt;1 %</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ActivityRail</name>
    <message>
        <source>Pages</source>
        <translation>Страницы</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::AdjustPanel</name>
    <message>
        <source>never</source>
        <translation>никогда</translation>
    </message>
    <message>
        <source> steps</source>
        <translation> шагов</translation>
    </message>
    <message>
        <source>Validate every</source>
        <translation>Валидация каждые</translation>
    </message>
    <message>
        <source>Save every</source>
        <translation>Сохранять каждые</translation>
    </message>
    <message>
        <source>Sample every</source>
        <translation>Образцы каждые</translation>
    </message>
    <message>
        <source>Factor on the learning rate</source>
        <translation>Множитель скорости обучения</translation>
    </message>
    <message>
        <source>Prompts of the samples, one a line</source>
        <translation>Промпты образцов, по одному в строке</translation>
    </message>
    <message>
        <source>&amp;Change the rate</source>
        <translation>Изменить &amp;скорость</translation>
    </message>
    <message>
        <source>Change &amp;prompts</source>
        <translation>Изменить &amp;промпты</translation>
    </message>
    <message>
        <source>Change &amp;how often</source>
        <translation>Изменить &amp;частоту</translation>
    </message>
    <message>
        <source>Learning rate</source>
        <translation>Скорость обучения</translation>
    </message>
    <message>
        <source>Samples continue (one a line)</source>
        <translation>Образцы продолжают (по одному в строке)</translation>
    </message>
    <message>
        <source>Changes hold from the next step on, are marked on the curves and kept with the run: resumed from before, it makes them again.</source>
        <translation>Изменения действуют со следующего шага, отмечаются на кривых и хранятся с запуском: при возобновлении с более раннего места они повторятся.</translation>
    </message>
    <message>
        <source>Changes can be made while the run is running or paused.</source>
        <translation>Менять можно, пока запуск идёт или на паузе.</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ChatController</name>
    <message>
        <source>The chat could not be saved</source>
        <translation>Чат не удалось сохранить</translation>
    </message>
    <message>
        <source>This answer was written by another model, or its state was not kept.</source>
        <translation>Этот ответ написала другая модель, или её состояние не сохранено.</translation>
    </message>
    <message>
        <source>Only an answer that a model wrote to its end can be reproduced.</source>
        <translation>Воспроизвести можно только ответ, дописанный моделью до конца.</translation>
    </message>
    <message>
        <source>The chat file could not be read.</source>
        <translation>Файл чатов не удалось прочитать.</translation>
    </message>
    <message>
        <source>What the model read for this answer was not kept.</source>
        <translation>Прочитанное моделью для этого ответа не сохранено.</translation>
    </message>
    <message>
        <source>The answer was continued and its tokens were not kept.</source>
        <translation>Ответ продолжен, а его токены не сохранены.</translation>
    </message>
    <message>
        <source>The chats could not be imported</source>
        <translation>Чаты не удалось импортировать</translation>
    </message>
    <message>
        <source>Precise</source>
        <translation>Точно</translation>
    </message>
    <message>
        <source>Creative</source>
        <translation>Творчески</translation>
    </message>
    <message>
        <source>Always the likeliest</source>
        <translation>Всегда самый вероятный</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ChatPage</name>
    <message>
        <source>Chat</source>
        <translation>Чат</translation>
    </message>
    <message>
        <source>View</source>
        <translation>Вид</translation>
    </message>
    <message>
        <source>&amp;New chat</source>
        <translation>&amp;Новый чат</translation>
    </message>
    <message>
        <source>Ctrl+N</source>
        <translation>Ctrl+N</translation>
    </message>
    <message>
        <source>&amp;Search chats</source>
        <translation>По&amp;иск по чатам</translation>
    </message>
    <message>
        <source>Ctrl+F</source>
        <translation>Ctrl+F</translation>
    </message>
    <message>
        <source>Re&amp;name chat</source>
        <translation>П&amp;ереименовать чат</translation>
    </message>
    <message>
        <source>F2</source>
        <translation>F2</translation>
    </message>
    <message>
        <source>&amp;Delete chat</source>
        <translation>&amp;Удалить чат</translation>
    </message>
    <message>
        <source>Ctrl+Shift+D</source>
        <translation>Ctrl+Shift+D</translation>
    </message>
    <message>
        <source>S&amp;top</source>
        <translation>&amp;Стоп</translation>
    </message>
    <message>
        <source>Esc</source>
        <translation>Esc</translation>
    </message>
    <message>
        <source>Stop the answer; what was written stays</source>
        <translation>Остановить ответ; написанное останется</translation>
    </message>
    <message>
        <source>&amp;Regenerate answer</source>
        <translation>&amp;Переписать ответ</translation>
    </message>
    <message>
        <source>Ctrl+R</source>
        <translation>Ctrl+R</translation>
    </message>
    <message>
        <source>&amp;Continue answer</source>
        <translation>П&amp;родолжить ответ</translation>
    </message>
    <message>
        <source>Ctrl+Return</source>
        <translation>Ctrl+Return</translation>
    </message>
    <message>
        <source>Ctrl+Enter</source>
        <translation>Ctrl+Enter</translation>
    </message>
    <message>
        <source>&amp;Edit last message</source>
        <translation>Пр&amp;авить последнее сообщение</translation>
    </message>
    <message>
        <source>Ctrl+E</source>
        <translation>Ctrl+E</translation>
    </message>
    <message>
        <source>C&amp;opy last answer</source>
        <translation>&amp;Копировать последний ответ</translation>
    </message>
    <message>
        <source>Ctrl+Shift+C</source>
        <translation>Ctrl+Shift+C</translation>
    </message>
    <message>
        <source>Ctrl+Up</source>
        <translation>Ctrl+Up</translation>
    </message>
    <message>
        <source>Ne&amp;xt message</source>
        <translation>Следу&amp;ющее сообщение</translation>
    </message>
    <message>
        <source>Ctrl+Down</source>
        <translation>Ctrl+Down</translation>
    </message>
    <message>
        <source>Chat &amp;list</source>
        <translation>Список &amp;чатов</translation>
    </message>
    <message>
        <source>Ctrl+B</source>
        <translation>Ctrl+B</translation>
    </message>
    <message>
        <source>Show or hide the list of chats</source>
        <translation>Показать или скрыть список чатов</translation>
    </message>
    <message>
        <source>&amp;Inspector</source>
        <translation>&amp;Инспектор</translation>
    </message>
    <message>
        <source>Ctrl+I</source>
        <translation>Ctrl+I</translation>
    </message>
    <message>
        <source>Inspector</source>
        <translation>Инспектор</translation>
    </message>
    <message>
        <source>Sampling</source>
        <translation>Сэмплирование</translation>
    </message>
    <message>
        <source>Stats</source>
        <translation>Статистика</translation>
    </message>
    <message>
        <source>Reading %1 of %2 tokens</source>
        <translation>Прочитано %1 из %2 токенов</translation>
    </message>
    <message>
        <source>This model continues text: it writes on from what you wrote, it was not trained to answer.</source>
        <translation>Эта модель продолжает текст: пишет дальше за вами, отвечать на вопросы её не учили.</translation>
    </message>
    <message>
        <source>Open a model to start writing</source>
        <translation>Откройте модель, чтобы начать</translation>
    </message>
    <message>
        <source>Write the beginning of a text</source>
        <translation>Напишите начало текста</translation>
    </message>
    <message>
        <source>Write a message</source>
        <translation>Напишите сообщение</translation>
    </message>
    <message>
        <source>No model is open</source>
        <translation>Модель не открыта</translation>
    </message>
    <message>
        <source>Open a model folder or a packed model file, or drop one on this window.</source>
        <translation>Откройте папку модели или упакованный файл либо перетащите их в это окно.</translation>
    </message>
    <message>
        <source>This model brings no tokenizer, so it cannot read or write text.</source>
        <translation>У этой модели нет токенизатора, поэтому она не может читать и писать текст.</translation>
    </message>
    <message>
        <source>Begin a text and the model writes on.</source>
        <translation>Начните текст, а модель продолжит.</translation>
    </message>
    <message>
        <source>It was a cold morning when</source>
        <translation>It was a cold morning when</translation>
    </message>
    <message>
        <source>The door opened and</source>
        <translation>The door opened and</translation>
    </message>
    <message>
        <source>Ask something, or start with one of these.</source>
        <translation>Спросите о чём-нибудь или начните с одного из этих вопросов.</translation>
    </message>
    <message>
        <source>Who are you?</source>
        <translation>Кто ты?</translation>
    </message>
    <message>
        <source>What can you do?</source>
        <translation>Что ты умеешь?</translation>
    </message>
    <message>
        <source>state %1, whatever the length</source>
        <translation>состояние %1 при любой длине</translation>
    </message>
    <message>
        <source>An answer is being written in another chat</source>
        <translation>Ответ пишется в другом чате</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>Новый чат</translation>
    </message>
    <message>
        <source>Template</source>
        <translation>Шаблон</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>Токен</translation>
    </message>
    <message>
        <source>Your message and what followed were deleted</source>
        <translation>Ваше сообщение и всё после него удалены</translation>
    </message>
    <message>
        <source>The answer and what followed were deleted</source>
        <translation>Ответ и всё после него удалены</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Вернуть</translation>
    </message>
    <message>
        <source>Editing your message · Esc to cancel</source>
        <translation>Правка вашего сообщения · Esc — отмена</translation>
    </message>
    <message>
        <source>Editing the answer · Enter keeps it · Esc to cancel</source>
        <translation>Правка ответа · Enter — сохранить · Esc — отмена</translation>
    </message>
    <message>
        <source>&amp;Pin or unpin chat</source>
        <translation>&amp;Закрепить или открепить чат</translation>
    </message>
    <message>
        <source>Ctrl+Shift+K</source>
        <translation>Ctrl+Shift+K</translation>
    </message>
    <message>
        <source>Keep this chat at the top of the list</source>
        <translation>Держать этот чат вверху списка</translation>
    </message>
    <message>
        <source>&amp;Move to folder…</source>
        <translation>&amp;Переместить в папку…</translation>
    </message>
    <message>
        <source>Ctrl+Shift+M</source>
        <translation>Ctrl+Shift+M</translation>
    </message>
    <message>
        <source>Export as Mark&amp;down…</source>
        <translation>Экспорт в Mark&amp;down…</translation>
    </message>
    <message>
        <source>Export as &amp;HTML…</source>
        <translation>Экспорт в &amp;HTML…</translation>
    </message>
    <message>
        <source>Export as PD&amp;F…</source>
        <translation>Экспорт в PD&amp;F…</translation>
    </message>
    <message>
        <source>Export as &amp;JSON…</source>
        <translation>Экспорт в &amp;JSON…</translation>
    </message>
    <message>
        <source>With all branches and settings; can be imported again</source>
        <translation>Со всеми ветвями и настройками; можно импортировать снова</translation>
    </message>
    <message>
        <source>Export all chats as JSON…</source>
        <translation>Экспорт всех чатов в JSON…</translation>
    </message>
    <message>
        <source>&amp;Import chats (JSON)…</source>
        <translation>&amp;Импорт чатов (JSON)…</translation>
    </message>
    <message>
        <source>Previous &amp;version</source>
        <translation>Предыдущая &amp;версия</translation>
    </message>
    <message>
        <source>Alt+Left</source>
        <translation>Alt+Left</translation>
    </message>
    <message>
        <source>Show the version of this message that was written before</source>
        <translation>Показать версию этого сообщения, написанную раньше</translation>
    </message>
    <message>
        <source>Next v&amp;ersion</source>
        <translation>Следующая в&amp;ерсия</translation>
    </message>
    <message>
        <source>Alt+Right</source>
        <translation>Alt+Right</translation>
    </message>
    <message>
        <source>De&amp;lete message</source>
        <translation>&amp;Удалить сообщение</translation>
    </message>
    <message>
        <source>Ctrl+Shift+Del</source>
        <translation>Ctrl+Shift+Del</translation>
    </message>
    <message>
        <source>Delete the message with the keyboard focus, else the last, and what follows</source>
        <translation>Удалить сообщение в фокусе, иначе последнее, и всё после него</translation>
    </message>
    <message>
        <source>Copy command line (Re&amp;produce)</source>
        <translation>Скопировать команду (вос&amp;произвести)</translation>
    </message>
    <message>
        <source>Ctrl+Shift+R</source>
        <translation>Ctrl+Shift+R</translation>
    </message>
    <message>
        <source>The exact command that writes the last answer again</source>
        <translation>Точная команда, которая снова напишет последний ответ</translation>
    </message>
    <message>
        <source>Show to&amp;kens</source>
        <translation>Показать то&amp;кены</translation>
    </message>
    <message>
        <source>Ctrl+T</source>
        <translation>Ctrl+T</translation>
    </message>
    <message>
        <source>Tint tokens by how sure the model was: of the focused answer, else of all</source>
        <translation>Окрасить токены по уверенности модели: в ответе в фокусе, иначе во всех</translation>
    </message>
    <message>
        <source>Ask &amp;both</source>
        <translation>Спросить &amp;обе</translation>
    </message>
    <message>
        <source>Ctrl+Shift+Return</source>
        <translation>Ctrl+Shift+Return</translation>
    </message>
    <message>
        <source>Ask a second model or backend the same, side by side</source>
        <translation>Задать то же второй модели или бэкенду, рядом</translation>
    </message>
    <message>
        <source>Previous message</source>
        <translation>Предыдущее сообщение</translation>
    </message>
    <message>
        <source>C&amp;aret in answers</source>
        <translation>К&amp;урсор в ответах</translation>
    </message>
    <message>
        <source>F7</source>
        <translation>F7</translation>
    </message>
    <message>
        <source>Move a text cursor through messages with the keyboard</source>
        <translation>Водить текстовый курсор по сообщениям с клавиатуры</translation>
    </message>
    <message>
        <source>Read replies alo&amp;ud</source>
        <translation>Читать ответы &amp;вслух</translation>
    </message>
    <message>
        <source>Tell the screen reader what the model writes, sentence by sentence</source>
        <translation>Передавать программе чтения с экрана ответ модели, предложение за предложением</translation>
    </message>
    <message>
        <source>Show or hide sampling, template, token and statistics</source>
        <translation>Показать или скрыть сэмплирование, шаблон, токен и статистику</translation>
    </message>
    <message>
        <source>Floa&amp;ting inspector</source>
        <translation>Пл&amp;авающий инспектор</translation>
    </message>
    <message>
        <source>Ctrl+Shift+I</source>
        <translation>Ctrl+Shift+I</translation>
    </message>
    <message>
        <source>The inspector as a window of its own</source>
        <translation>Инспектор в отдельном окне</translation>
    </message>
    <message>
        <source>Ask both</source>
        <translation>Спросить обе</translation>
    </message>
    <message>
        <source>%1 on</source>
        <translation>%1 на</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>no device</source>
        <translation>нет устройства</translation>
    </message>
    <message>
        <source>Another model</source>
        <translation>Другая модель</translation>
    </message>
    <message>
        <source>Bundled model</source>
        <translation>Встроенная модель</translation>
    </message>
    <message>
        <source>Model folder…</source>
        <translation>Папка модели…</translation>
    </message>
    <message>
        <source>Open a second model</source>
        <translation>Открыть вторую модель</translation>
    </message>
    <message>
        <source>Packed model…</source>
        <translation>Упакованная модель…</translation>
    </message>
    <message>
        <source>Models (*.safetensors);;All files (*)</source>
        <translation>Модели (*.safetensors);;Все файлы (*)</translation>
    </message>
    <message>
        <source>opening…</source>
        <translation>открывается…</translation>
    </message>
    <message>
        <source>ready</source>
        <translation>готова</translation>
    </message>
    <message>
        <source>not opened</source>
        <translation>не открыта</translation>
    </message>
    <message>
        <source>%1 was not opened as second model: %2</source>
        <translation>%1 не открыта как вторая модель: %2</translation>
    </message>
    <message>
        <source>done</source>
        <translation>готово</translation>
    </message>
    <message>
        <source>The second model stopped</source>
        <translation>Вторая модель остановилась</translation>
    </message>
    <message>
        <source>This answer cannot be reproduced</source>
        <translation>Этот ответ нельзя воспроизвести</translation>
    </message>
    <message>
        <source>The command line was copied</source>
        <translation>Команда скопирована</translation>
    </message>
    <message>
        <source>All chats</source>
        <translation>Все чаты</translation>
    </message>
    <message>
        <source>The chat was not exported</source>
        <translation>Чат не экспортирован</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>Экспорт</translation>
    </message>
    <message>
        <source>%1 files (*.%2)</source>
        <translation>Файлы %1 (*.%2)</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Все файлы (*)</translation>
    </message>
    <message>
        <source>Exported</source>
        <translation>Экспортировано</translation>
    </message>
    <message>
        <source>Import chats</source>
        <translation>Импорт чатов</translation>
    </message>
    <message>
        <source>JSON files (*.json)</source>
        <translation>Файлы JSON (*.json)</translation>
    </message>
    <message>
        <source>The chats could not be imported</source>
        <translation>Чаты не удалось импортировать</translation>
    </message>
    <message>
        <source>%1 has %2 bytes, needed: at most %3</source>
        <translation>%1: %2 байт, нужно не больше %3</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::CommandPalette</name>
    <message>
        <source>Command palette</source>
        <translation>Палитра команд</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>Matching commands</source>
        <translation>Подходящие команды</translation>
    </message>
    <message>
        <source>Type a command</source>
        <translation>Введите команду</translation>
    </message>
    <message>
        <source>Command</source>
        <translation>Команда</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::CompareColumn</name>
    <message>
        <source>Answers of the second model</source>
        <translation>Ответы второй модели</translation>
    </message>
    <message>
        <source>Another second model or backend</source>
        <translation>Другая вторая модель или бэкенд</translation>
    </message>
    <message>
        <source>Ask one model only</source>
        <translation>Спрашивать только одну модель</translation>
    </message>
    <message>
        <source>%1 on %2</source>
        <translation>%1 на %2</translation>
    </message>
    <message>
        <source>First difference at token %1, character %2</source>
        <translation>Первое отличие: токен %1, знак %2</translation>
    </message>
    <message>
        <source>First difference at character %1</source>
        <translation>Первое отличие: знак %1</translation>
    </message>
    <message>
        <source>Both answers are equal</source>
        <translation>Оба ответа одинаковы</translation>
    </message>
    <message>
        <source>Equal so far</source>
        <translation>Пока одинаковы</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ComparePage</name>
    <message>
        <source>Kept comparisons</source>
        <translation>Сохранённые сравнения</translation>
    </message>
    <message>
        <source>No comparison yet</source>
        <translation>Сравнений пока нет</translation>
    </message>
    <message>
        <source>Results</source>
        <translation>Результаты</translation>
    </message>
    <message>
        <source>Ratio to baseline</source>
        <translation>Относительно базового</translation>
    </message>
    <message>
        <source>Copy as Markdown</source>
        <translation>Копировать как Markdown</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>Экспорт…</translation>
    </message>
    <message>
        <source>Run file (JSON), CSV, Markdown, PNG, SVG or a one-page PDF report</source>
        <translation>Файл прогона (JSON), CSV, Markdown, PNG, SVG или отчёт PDF на одной странице</translation>
    </message>
    <message>
        <source>Environment</source>
        <translation>Окружение</translation>
    </message>
    <message>
        <source>What</source>
        <translation>Что</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>Значение</translation>
    </message>
    <message>
        <source>Distribution</source>
        <translation>Распределение</translation>
    </message>
    <message>
        <source>Roofline</source>
        <translation>Roofline</translation>
    </message>
    <message>
        <source>Parity</source>
        <translation>Совпадение</translation>
    </message>
    <message>
        <source>History</source>
        <translation>История</translation>
    </message>
    <message>
        <source>By size</source>
        <translation>По размеру</translation>
    </message>
    <message>
        <source>&amp;Run comparison</source>
        <translation>&amp;Запустить сравнение</translation>
    </message>
    <message>
        <source>&amp;Stop comparison</source>
        <translation>&amp;Остановить сравнение</translation>
    </message>
    <message>
        <source>&amp;Export results…</source>
        <translation>&amp;Экспорт результатов…</translation>
    </message>
    <message>
        <source>&amp;Paper: memory and latency by size</source>
        <translation>Как в &amp;статье: память и задержка по размеру</translation>
    </message>
    <message>
        <source>Not run.</source>
        <translation>Не запускалось.</translation>
    </message>
    <message>
        <source>Planning</source>
        <translation>Планирование</translation>
    </message>
    <message>
        <source>Stopping…</source>
        <translation>Остановка…</translation>
    </message>
    <message>
        <source>Contender %1 ended</source>
        <translation>Участник %1 завершился</translation>
    </message>
    <message>
        <source>Comparing layers, measuring limits</source>
        <translation>Сравнение слоёв, замер пределов</translation>
    </message>
    <message>
        <source>%1: loading</source>
        <translation>%1: загрузка</translation>
    </message>
    <message>
        <source>%1: warm-up %2</source>
        <translation>%1: прогрев %2</translation>
    </message>
    <message>
        <source>%1: round %2 of %3</source>
        <translation>%1: раунд %2 из %3</translation>
    </message>
    <message>
        <source>Stopped before a round was complete.</source>
        <translation>Остановлено до завершения первого раунда.</translation>
    </message>
    <message numerus="yes">
        <source>Stopped after %n complete round(s).</source>
        <translation>
            <numerusform>Остановлено после %n полного раунда.</numerusform>
            <numerusform>Остановлено после %n полных раундов.</numerusform>
            <numerusform>Остановлено после %n полных раундов.</numerusform>
        </translation>
    </message>
    <message>
        <source>Done.</source>
        <translation>Готово.</translation>
    </message>
    <message numerus="yes">
        <source>
… %n more</source>
        <translation>
            <numerusform>
… и ещё %n</numerusform>
            <numerusform>
… и ещё %n</numerusform>
            <numerusform>
… и ещё %n</numerusform>
        </translation>
    </message>
    <message>
        <source>Memory plan of %1</source>
        <translation>План памяти: %1</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>Примечание</translation>
    </message>
    <message>
        <source>Method</source>
        <translation>Метод</translation>
    </message>
    <message>
        <source>Nothing to export</source>
        <translation>Экспортировать нечего</translation>
    </message>
    <message>
        <source>Run a comparison first.</source>
        <translation>Сначала запустите сравнение.</translation>
    </message>
    <message>
        <source>Export results</source>
        <translation>Экспорт результатов</translation>
    </message>
    <message>
        <source>Report (*.pdf);;Run file (*.json);;Table of rounds (*.csv);;Markdown (*.md);;Picture (*.png);;Drawing (*.svg)</source>
        <translation>Отчёт (*.pdf);;Файл прогона (*.json);;Таблица раундов (*.csv);;Markdown (*.md);;Изображение (*.png);;Рисунок (*.svg)</translation>
    </message>
    <message>
        <source>Exported</source>
        <translation>Экспортировано</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>Сравнение</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ComparisonStore</name>
    <message>
        <source>%1 could not be used (%2). It was kept as %3.</source>
        <translation>%1 не удалось использовать (%2). Файл сохранён как %3.</translation>
    </message>
    <message>
        <source>Comparisons cannot be kept: %1</source>
        <translation>Сравнения нельзя сохранять: %1</translation>
    </message>
    <message>
        <source>it is no list of comparisons of this version</source>
        <translation>это не список сравнений данной версии</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::Composer</name>
    <message>
        <source>Message</source>
        <translation>Сообщение</translation>
    </message>
    <message>
        <source>Stopping…</source>
        <translation>Остановка…</translation>
    </message>
    <message>
        <source>Stop (Esc)</source>
        <translation>Остановить (Esc)</translation>
    </message>
    <message>
        <source>Send (Enter)</source>
        <translation>Отправить (Enter)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Стоп</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>Отправить</translation>
    </message>
    <message>
        <source>%1 of text</source>
        <translation>%1 текста</translation>
    </message>
    <message>
        <source>1 token</source>
        <translation>1 токен</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 ток.</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ContenderDialog</name>
    <message>
        <source>Contender</source>
        <translation>Участник</translation>
    </message>
    <message>
        <source>Model on disk</source>
        <translation>Модель на диске</translation>
    </message>
    <message>
        <source>Random weights, MatMul-free</source>
        <translation>Случайные веса, MatMul-free</translation>
    </message>
    <message>
        <source>Random weights, dense Transformer++</source>
        <translation>Случайные веса, плотный Transformer++</translation>
    </message>
    <message>
        <source>Best for the backend</source>
        <translation>Лучшая для бэкенда</translation>
    </message>
    <message>
        <source>2 bits a weight</source>
        <translation>2 бита на вес</translation>
    </message>
    <message>
        <source>1.67 bits a weight (base 3)</source>
        <translation>1,67 бита на вес (основание 3)</translation>
    </message>
    <message>
        <source>all cores</source>
        <translation>все ядра</translation>
    </message>
    <message>
        <source>the best</source>
        <translation>лучший</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>Выбрать…</translation>
    </message>
    <message>
        <source>&amp;Name</source>
        <translation>&amp;Название</translation>
    </message>
    <message>
        <source>&amp;Kind</source>
        <translation>&amp;Вид</translation>
    </message>
    <message>
        <source>&amp;Shape or path</source>
        <translation>&amp;Форма или путь</translation>
    </message>
    <message>
        <source>&amp;Backend</source>
        <translation>&amp;Бэкенд</translation>
    </message>
    <message>
        <source>&amp;Device</source>
        <translation>&amp;Устройство</translation>
    </message>
    <message>
        <source>&amp;Threads</source>
        <translation>&amp;Потоки</translation>
    </message>
    <message>
        <source>&amp;Packing</source>
        <translation>У&amp;паковка</translation>
    </message>
    <message>
        <source>&amp;Instruction set</source>
        <translation>&amp;Набор команд</translation>
    </message>
    <message>
        <source>S&amp;eed of random weights</source>
        <translation>&amp;Зерно случайных весов</translation>
    </message>
    <message>
        <source>Give a shape (370M, or layers,hidden,GLU width,vocabulary) or the path of a model.</source>
        <translation>Укажите форму (370M или слои,скрытая размерность,ширина GLU,словарь) либо путь к модели.</translation>
    </message>
    <message>
        <source>Choose a model folder</source>
        <translation>Выберите папку модели</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ControlBar</name>
    <message>
        <source>&amp;Goes on when the window closes</source>
        <translation>Не &amp;прерывать при закрытии окна</translation>
    </message>
    <message>
        <source>Training is a program of its own. Unticked, closing the window stops it with a checkpoint.</source>
        <translation>Обучение — отдельная программа. Без этой отметки закрытие окна остановит его с контрольной точкой.</translation>
    </message>
    <message>
        <source>Progress of the run</source>
        <translation>Ход запуска</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>Ход</translation>
    </message>
    <message>
        <source>&amp;Start</source>
        <translation>&amp;Начать</translation>
    </message>
    <message>
        <source>Go &amp;on</source>
        <translation>Продо&amp;лжить</translation>
    </message>
    <message>
        <source>Everything is ready.</source>
        <translation>Всё готово.</translation>
    </message>
    <message>
        <source>Start works when all four cards are green.</source>
        <translation>Начать можно, когда все четыре карточки зелёные.</translation>
    </message>
    <message>
        <source>No run is chosen.</source>
        <translation>Запуск не выбран.</translation>
    </message>
    <message>
        <source>starting…</source>
        <translation>начинается…</translation>
    </message>
    <message>
        <source>step %1 of %2</source>
        <translation>шаг %1 из %2</translation>
    </message>
    <message>
        <source>loss %1</source>
        <translation>потери %1</translation>
    </message>
    <message>
        <source>best validation %1</source>
        <translation>лучшая валидация %1</translation>
    </message>
    <message>
        <source>%1 left</source>
        <translation>осталось %1</translation>
    </message>
    <message>
        <source>took %1</source>
        <translation>заняло %1</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ConversationListModel</name>
    <message>
        <source>Yesterday</source>
        <translation>Вчера</translation>
    </message>
    <message>
        <source>%1
Last written %2</source>
        <translation>%1
Последняя запись %2</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>%1, pinned, %2</source>
        <translation>%1, закреплён, %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ConversationPanel</name>
    <message>
        <source>Chats</source>
        <translation>Чаты</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>Поиск</translation>
    </message>
    <message>
        <source>Search all chats</source>
        <translation>Поиск по всем чатам</translation>
    </message>
    <message>
        <source>New chat</source>
        <translation>Новый чат</translation>
    </message>
    <message>
        <source>Chats are kept here as you write.</source>
        <translation>Чаты сохраняются здесь по мере написания.</translation>
    </message>
    <message>
        <source>No chat contains “%1”.</source>
        <translation>Ни в одном чате нет «%1».</translation>
    </message>
    <message>
        <source>Import and export</source>
        <translation>Импорт и экспорт</translation>
    </message>
    <message>
        <source>Move to a folder</source>
        <translation>Перемещение в папку</translation>
    </message>
    <message>
        <source>Folder (empty: none)</source>
        <translation>Папка (пусто: без папки)</translation>
    </message>
    <message>
        <source>Rename the folder</source>
        <translation>Переименование папки</translation>
    </message>
    <message>
        <source>Name of the folder</source>
        <translation>Имя папки</translation>
    </message>
    <message>
        <source>Rename the folder…</source>
        <translation>Переименовать папку…</translation>
    </message>
    <message>
        <source>Dissolve the folder, keep its chats</source>
        <translation>Убрать папку, чаты оставить</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ConversationSections</name>
    <message>
        <source>Pinned</source>
        <translation>Закреплённые</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>Сегодня</translation>
    </message>
    <message>
        <source>Last seven days</source>
        <translation>Последние семь дней</translation>
    </message>
    <message>
        <source>Earlier</source>
        <translation>Раньше</translation>
    </message>
    <message>
        <source>%1, %2 chats, folded</source>
        <translation>%1, чатов: %2, свёрнуто</translation>
    </message>
    <message>
        <source>%1, %2 chats</source>
        <translation>%1, чатов: %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ConversationStore</name>
    <message>
        <source>%1
The file was kept as %2; new chats go into a new file.</source>
        <translation>%1
Файл сохранён как %2; новые чаты пишутся в новый файл.</translation>
    </message>
    <message>
        <source>%1: %2Chats of this session are held in memory only and are lost at the end.</source>
        <translation>%1: %2Чаты этого сеанса хранятся только в памяти и пропадут при выходе.</translation>
    </message>
    <message>
        <source>The chat file %1 cannot be opened: %2</source>
        <translation>Файл чатов %1 не открывается: %2</translation>
    </message>
    <message>
        <source>The chat file %1 is damaged: %2</source>
        <translation>Файл чатов %1 повреждён: %2</translation>
    </message>
    <message>
        <source>The chat file %1 has version %2, needed: %3 or older (it was written by a newer program).</source>
        <translation>Версия файла чатов %1 — %2, нужна: %3 или старше (он записан более новой программой).</translation>
    </message>
    <message>
        <source>The chat file %1 cannot be used: %2</source>
        <translation>Файл чатов %1 нельзя использовать: %2</translation>
    </message>
    <message>
        <source>There is no chat %1.</source>
        <translation>Чата %1 нет.</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::DataCard</name>
    <message>
        <source>&amp;Remove</source>
        <translation>&amp;Убрать</translation>
    </message>
    <message>
        <source>Remove &amp;unusable</source>
        <translation>Убрать &amp;негодные</translation>
    </message>
    <message>
        <source>Add &amp;files…</source>
        <translation>Добавить &amp;файлы…</translation>
    </message>
    <message>
        <source>Add f&amp;older…</source>
        <translation>Добавить &amp;папку…</translation>
    </message>
    <message>
        <source>Sample texts</source>
        <translation>Образцы текстов</translation>
    </message>
    <message>
        <source>File</source>
        <translation>Файл</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>Размер</translation>
    </message>
    <message>
        <source>Lines</source>
        <translation>Строки</translation>
    </message>
    <message>
        <source>Encoding</source>
        <translation>Кодировка</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Состояние</translation>
    </message>
    <message>
        <source>Text files</source>
        <translation>Текстовые файлы</translation>
    </message>
    <message>
        <source> %</source>
        <translation> %</translation>
    </message>
    <message>
        <source>Share kept for validation</source>
        <translation>Доля для валидации</translation>
    </message>
    <message>
        <source>Kept for &amp;validation</source>
        <translation>На &amp;валидацию</translation>
    </message>
    <message>
        <source>As text</source>
        <translation>Как текст</translation>
    </message>
    <message>
        <source>As tokens</source>
        <translation>Как токены</translation>
    </message>
    <message>
        <source>Batch 0 as the model sees it</source>
        <translation>Пакет 0, каким его видит модель</translation>
    </message>
    <message>
        <source>Preview</source>
        <translation>Просмотр</translation>
    </message>
    <message>
        <source>Row </source>
        <translation>Строка </translation>
    </message>
    <message>
        <source>Row of the batch</source>
        <translation>Строка пакета</translation>
    </message>
    <message>
        <source>Drop text files or folders anywhere on this page, or take a sample text.</source>
        <translation>Перетащите текстовые файлы или папки на эту страницу или возьмите образец.</translation>
    </message>
    <message>
        <source>Text</source>
        <translation>Текст</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Токены</translation>
    </message>
    <message>
        <source>Batch 0</source>
        <translation>Пакет 0</translation>
    </message>
    <message>
        <source>The tokenizer is not ready yet</source>
        <translation>Токенизатор ещё не готов</translation>
    </message>
    <message>
        <source>The tokenizer is not ready yet, or the text is shorter than a sequence</source>
        <translation>Токенизатор ещё не готов, или текст короче последовательности</translation>
    </message>
    <message>
        <source>Take a sample text…</source>
        <translation>Взять образец…</translation>
    </message>
    <message>
        <source>Text to learn from</source>
        <translation>Текст для обучения</translation>
    </message>
    <message>
        <source>Text and turns (*.txt *.md *.text *.jsonl);;All files (*)</source>
        <translation>Тексты и реплики (*.txt *.md *.text *.jsonl);;Все файлы (*)</translation>
    </message>
    <message>
        <source>Folder of texts</source>
        <translation>Папка с текстами</translation>
    </message>
    <message>
        <source>%1 to learn from, %2 to check on; the last part of each file</source>
        <translation>%1 для обучения, %2 для проверки; конец каждого файла</translation>
    </message>
    <message>
        <source>reading…</source>
        <translation>чтение…</translation>
    </message>
    <message>
        <source>same as %1, used once</source>
        <translation>то же, что %1, берётся один раз</translation>
    </message>
    <message>
        <source>%1 turns</source>
        <translation>реплик: %1</translation>
    </message>
    <message>
        <source>good</source>
        <translation>годен</translation>
    </message>
    <message>
        <source>%1 rows of %2 tokens, drawn from seed %3</source>
        <translation>Строк: %1, по %2 токенов; зерно %3</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::DeviceRunner</name>
    <message>
        <source>Opening</source>
        <translation>Открытие</translation>
    </message>
    <message>
        <source>random</source>
        <translation>случайные веса</translation>
    </message>
    <message>
        <source>Decoding</source>
        <translation>Генерация</translation>
    </message>
    <message>
        <source>Timing kernels</source>
        <translation>Замер ядер</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::DevicesPage</name>
    <message>
        <source>On this machine</source>
        <translation>На этом компьютере</translation>
    </message>
    <message>
        <source>FPGA planner</source>
        <translation>Планировщик ПЛИС</translation>
    </message>
    <message>
        <source>Parts of the page</source>
        <translation>Разделы страницы</translation>
    </message>
    <message>
        <source>Backends and their devices</source>
        <translation>Бэкенды и их устройства</translation>
    </message>
    <message>
        <source>Look for devices again</source>
        <translation>Искать устройства снова</translation>
    </message>
    <message>
        <source>Model to measure with</source>
        <translation>Модель для замера</translation>
    </message>
    <message>
        <source>Measure decoding</source>
        <translation>Измерить генерацию</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Отмена</translation>
    </message>
    <message>
        <source>Progress of the measurement</source>
        <translation>Ход замера</translation>
    </message>
    <message>
        <source>How fast it decodes</source>
        <translation>Скорость генерации</translation>
    </message>
    <message>
        <source>Time in each kernel, last run</source>
        <translation>Время в каждом ядре, последний запуск</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Время</translation>
    </message>
    <message>
        <source>microseconds a token</source>
        <translation>микросекунд на токен</translation>
    </message>
    <message>
        <source>Build log of the kernels</source>
        <translation>Журнал сборки ядер</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>Готово</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>Choose a device.</source>
        <translation>Выберите устройство.</translation>
    </message>
    <message>
        <source>Looking for devices…</source>
        <translation>Поиск устройств…</translation>
    </message>
    <message>
        <source>%1 backend, device %2</source>
        <translation>Бэкенд %1, устройство %2</translation>
    </message>
    <message>
        <source>Memory: %1</source>
        <translation>Память: %1</translation>
    </message>
    <message>
        <source>Cannot be used here: %1</source>
        <translation>Здесь использовать нельзя: %1</translation>
    </message>
    <message>
        <source>%1 (open)</source>
        <translation>%1 (открыта)</translation>
    </message>
    <message>
        <source>%1, random weights</source>
        <translation>%1, случайные веса</translation>
    </message>
    <message>
        <source>%1, %2 tokens one after another · opened in %3 · weights %4 · state %5
%6</source>
        <translation>%1, токенов подряд: %2 · открыта за %3 · веса %4 · состояние %5
%6</translation>
    </message>
    <message>
        <source>This backend gives no times of single kernels and has no build log.</source>
        <translation>Этот бэкенд не сообщает времени отдельных ядер и не ведёт журнала сборки.</translation>
    </message>
    <message>
        <source>Time a token</source>
        <translation>Время на токен</translation>
    </message>
    <message>
        <source>Kernel</source>
        <translation>Ядро</translation>
    </message>
    <message>
        <source>%1 microseconds a token in all, by the device&apos;s own clock, over %2 tokens. With this clock every kernel is waited for, so a token takes longer than in the speed above.</source>
        <translation>Всего %1 мкс на токен по часам устройства, среднее за %2 токенов. С этими часами ожидается конец каждого ядра, поэтому токен занимает больше времени, чем в замере скорости выше.</translation>
    </message>
    <message>
        <source>Program: %1</source>
        <translation>Программа: %1</translation>
    </message>
    <message>
        <source>The compiler had nothing to say.</source>
        <translation>Компилятору нечего было сообщить.</translation>
    </message>
    <message>
        <source>Not measured: %1 %2</source>
        <translation>Не измерено: %1 %2</translation>
    </message>
    <message>
        <source>Devices</source>
        <translation>Устройства</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::DistributionPanel</name>
    <message>
        <source>Share of tokens within a time</source>
        <translation>Доля токенов в пределах времени</translation>
    </message>
    <message>
        <source>How often each time occurs</source>
        <translation>Как часто встречается каждое время</translation>
    </message>
    <message>
        <source>Time per token</source>
        <translation>Время на токен</translation>
    </message>
    <message>
        <source>ms</source>
        <translation>мс</translation>
    </message>
    <message>
        <source>Tokens within it</source>
        <translation>Токенов в его пределах</translation>
    </message>
    <message>
        <source>%</source>
        <translation>%</translation>
    </message>
    <message>
        <source>The workload wrote no tokens.</source>
        <translation>Нагрузка не писала токенов.</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Токены</translation>
    </message>
    <message>
        <source>Slowest tokens</source>
        <translation>Самые медленные токены</translation>
    </message>
    <message>
        <source>Contender</source>
        <translation>Участник</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Время</translation>
    </message>
    <message>
        <source>Position</source>
        <translation>Позиция</translation>
    </message>
    <message>
        <source>Round</source>
        <translation>Раунд</translation>
    </message>
    <message>
        <source>Click a time in the left chart to see the tokens slower than it</source>
        <translation>Щёлкните время на левом графике, чтобы увидеть более медленные токены</translation>
    </message>
    <message>
        <source>%1 ms</source>
        <translation>%1 мс</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::DistributionView</name>
    <message>
        <source>Shares of −1, 0 and +1</source>
        <translation>Доли −1, 0 и +1</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>Веса</translation>
    </message>
    <message>
        <source>Balance of rows</source>
        <translation>Баланс строк</translation>
    </message>
    <message>
        <source>Scales across layers</source>
        <translation>Масштабы по слоям</translation>
    </message>
    <message>
        <source>Entropy against stored bits</source>
        <translation>Энтропия и биты хранения</translation>
    </message>
    <message>
        <source>Over the checkpoints of the run</source>
        <translation>По контрольным точкам запуска</translation>
    </message>
    <message>
        <source>Kind of tensor</source>
        <translation>Вид тензора</translation>
    </message>
    <message>
        <source>Across layers:</source>
        <translation>По слоям:</translation>
    </message>
    <message>
        <source>Open a checkpoint of a training run to see its weights move.</source>
        <translation>Откройте контрольную точку обучения, чтобы увидеть движение весов.</translation>
    </message>
    <message>
        <source>Pick a tensor in the tree.</source>
        <translation>Выберите тензор в дереве.</translation>
    </message>
    <message>
        <source>Only ternary tensors have balanced rows.</source>
        <translation>Баланс строк есть только у троичных тензоров.</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>Слой</translation>
    </message>
    <message>
        <source>Share</source>
        <translation>Доля</translation>
    </message>
    <message>
        <source>%</source>
        <translation>%</translation>
    </message>
    <message>
        <source>Scale</source>
        <translation>Масштаб</translation>
    </message>
    <message>
        <source>Bits per weight</source>
        <translation>Бит на вес</translation>
    </message>
    <message>
        <source>Rows</source>
        <translation>Строки</translation>
    </message>
    <message>
        <source>all together</source>
        <translation>все вместе</translation>
    </message>
    <message>
        <source>entropy</source>
        <translation>энтропия</translation>
    </message>
    <message>
        <source>stored</source>
        <translation>хранится</translation>
    </message>
    <message>
        <source>%1 of layer %2</source>
        <translation>%1, слой %2</translation>
    </message>
    <message>
        <source>Latent weights, %1</source>
        <translation>Латентные веса, %1</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>Значение</translation>
    </message>
    <message>
        <source>Weights between the two edges are rounded to 0.</source>
        <translation>Веса между двумя границами округляются до 0.</translation>
    </message>
    <message>
        <source>−1 | 0</source>
        <translation>−1 | 0</translation>
    </message>
    <message>
        <source>0 | +1</source>
        <translation>0 | +1</translation>
    </message>
    <message>
        <source>Ternary value</source>
        <translation>Троичное значение</translation>
    </message>
    <message>
        <source>Ternary weights, %1</source>
        <translation>Троичные веса, %1</translation>
    </message>
    <message>
        <source>Balance of rows, %1</source>
        <translation>Баланс строк, %1</translation>
    </message>
    <message>
        <source>(plus − minus) / inputs</source>
        <translation>(плюс − минус) / входы</translation>
    </message>
    <message>
        <source>Checkpoint</source>
        <translation>Контрольная точка</translation>
    </message>
    <message>
        <source>Latent weight</source>
        <translation>Латентный вес</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ExplorePage</name>
    <message>
        <source>Look inside a model</source>
        <translation>Заглянуть внутрь модели</translation>
    </message>
    <message>
        <source>Open a model to see its weights, states and gates. The explorer follows the model of the chat.</source>
        <translation>Откройте модель, чтобы увидеть её веса, состояния и затворы. Исследователь следует за моделью чата.</translation>
    </message>
    <message>
        <source>The explorer is working</source>
        <translation>Исследователь работает</translation>
    </message>
    <message>
        <source>Compare with…</source>
        <translation>Сравнить с…</translation>
    </message>
    <message>
        <source>A reference checkpoint of the same shape: differences in the tree and the Weights view</source>
        <translation>Опорная контрольная точка той же формы: различия в дереве и в виде «Веса»</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>Веса</translation>
    </message>
    <message>
        <source>Distribution</source>
        <translation>Распределение</translation>
    </message>
    <message>
        <source>Activations</source>
        <translation>Активации</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Состояние</translation>
    </message>
    <message>
        <source>Flow</source>
        <translation>Поток</translation>
    </message>
    <message>
        <source>What if</source>
        <translation>Что если</translation>
    </message>
    <message>
        <source>Text to look at</source>
        <translation>Текст для разбора</translation>
    </message>
    <message>
        <source>Text to look at; Enter reads it</source>
        <translation>Текст для разбора; Enter — прочитать</translation>
    </message>
    <message>
        <source>From chat</source>
        <translation>Из чата</translation>
    </message>
    <message>
        <source>Take a message of the open conversation</source>
        <translation>Взять сообщение открытого разговора</translation>
    </message>
    <message>
        <source>The text&apos;s tokens appear here.</source>
        <translation>Здесь появятся токены текста.</translation>
    </message>
    <message>
        <source>Explore</source>
        <translation>Анализ</translation>
    </message>
    <message>
        <source>&amp;Filter tensors</source>
        <translation>&amp;Фильтр тензоров</translation>
    </message>
    <message>
        <source>Ctrl+L</source>
        <translation>Ctrl+L</translation>
    </message>
    <message>
        <source>&amp;Stop reading and measuring</source>
        <translation>&amp;Остановить чтение и замеры</translation>
    </message>
    <message>
        <source>Compare with a packed &amp;model…</source>
        <translation>Сравнить с упакованной &amp;моделью…</translation>
    </message>
    <message>
        <source>Compare with a &amp;checkpoint folder…</source>
        <translation>Сравнить с папкой &amp;контрольной точки…</translation>
    </message>
    <message>
        <source>Compare with &amp;nothing</source>
        <translation>&amp;Не сравнивать</translation>
    </message>
    <message>
        <source>Compared with %1</source>
        <translation>Сравнение с %1</translation>
    </message>
    <message>
        <source>%1 · %2 layers · hidden size %3 · %4 parameters</source>
        <translation>%1 · слоёв: %2 · скрытая размерность %3 · параметров: %4</translation>
    </message>
    <message>
        <source>You: %1</source>
        <translation>Вы: %1</translation>
    </message>
    <message>
        <source>Model: %1</source>
        <translation>Модель: %1</translation>
    </message>
    <message>
        <source>The open conversation has no messages</source>
        <translation>В открытом разговоре нет сообщений</translation>
    </message>
    <message>
        <source>Capturing…</source>
        <translation>Захват…</translation>
    </message>
    <message>
        <source>Captured %1</source>
        <translation>Захвачено %1</translation>
    </message>
    <message>
        <source>Checkpoint to compare with</source>
        <translation>Контрольная точка для сравнения</translation>
    </message>
    <message>
        <source>Model to compare with</source>
        <translation>Модель для сравнения</translation>
    </message>
    <message>
        <source>Packed models (*.safetensors);;All files (*)</source>
        <translation>Упакованные модели (*.safetensors);;Все файлы (*)</translation>
    </message>
    <message>
        <source>Follow chat</source>
        <translation>Следить за чатом</translation>
    </message>
    <message>
        <source>Read along while the chat writes, at most 15 times a second</source>
        <translation>Читать вместе с чатом, не чаще 15 раз в секунду</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::FactChecker</name>
    <message>
        <source>Agrees with my list of facts</source>
        <translation>Совпадает с моим списком фактов</translation>
    </message>
    <message>
        <source>Differs from my list of facts</source>
        <translation>Расходится с моим списком фактов</translation>
    </message>
    <message>
        <source>Not in my list of facts</source>
        <translation>Нет в моём списке фактов</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::FlowDiagram</name>
    <message>
        <source>Stations of the block</source>
        <translation>Станции блока</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::FlowView</name>
    <message>
        <source>Values</source>
        <translation>Значения</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>Назад</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>Далее</translation>
    </message>
    <message>
        <source>Open the tensor</source>
        <translation>Открыть тензор</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>Слой</translation>
    </message>
    <message>
        <source>Layer %1</source>
        <translation>Слой %1</translation>
    </message>
    <message>
        <source>%1 additions and subtractions</source>
        <translation>сложений и вычитаний: %1</translation>
    </message>
    <message>
        <source>%1 values, root mean square %2</source>
        <translation>значений: %1, среднеквадратичное %2</translation>
    </message>
    <message>
        <source>The block’s six ternary products take %1 additions, %2 subtractions and %3 skips for this token, where a dense block of the same shape takes %4 multiplications.</source>
        <translation>Шесть троичных произведений блока для этого токена: сложений %1, вычитаний %2, пропусков %3; плотному блоку той же формы нужно умножений: %4.</translation>
    </message>
    <message>
        <source>A dense block: every weight of its projections is one multiplication.</source>
        <translation>Плотный блок: каждый вес его проекций — одно умножение.</translation>
    </message>
    <message>
        <source>A token’s walk through a block</source>
        <translation>Путь токена через блок</translation>
    </message>
    <message>
        <source>Give a text below and pick one of its tokens.</source>
        <translation>Введите текст внизу и выберите один из его токенов.</translation>
    </message>
    <message>
        <source>Token “%1” in layer %2 · station %3 of %4</source>
        <translation>Токен «%1» в слое %2 · станция %3 из %4</translation>
    </message>
    <message>
        <source>%1 additions, %2 subtractions and %3 skips replace %4 multiplications. Scale of the weights: %5.</source>
        <translation>Сложений %1, вычитаний %2 и пропусков %3 вместо %4 умножений. Масштаб весов: %5.</translation>
    </message>
    <message>
        <source>First channels: %1, …</source>
        <translation>Первые каналы: %1, …</translation>
    </message>
    <message>
        <source> Scaled by %1 before rounding.</source>
        <translation> Перед округлением умножено на %1.</translation>
    </message>
    <message>
        <source>Channel</source>
        <translation>Канал</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>Значение</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::HalfLifePanel</name>
    <message>
        <source>Half-lives by layer</source>
        <translation>Периоды полузабывания по слоям</translation>
    </message>
    <message>
        <source>Half-lives of the layer</source>
        <translation>Периоды полузабывания слоя</translation>
    </message>
    <message>
        <source>Channels</source>
        <translation>Каналы</translation>
    </message>
    <message>
        <source>layer %1: %2 channels with half-lives from %3 to %4 tokens</source>
        <translation>слой %1: каналов с периодом полузабывания от %3 до %4 токенов: %2</translation>
    </message>
    <message>
        <source>half-life %1 to %2 tokens</source>
        <translation>период полузабывания от %1 до %2 токенов</translation>
    </message>
    <message>
        <source>%1 · floor %2</source>
        <translation>%1 · граница %2</translation>
    </message>
    <message>
        <source>channels</source>
        <translation>каналы</translation>
    </message>
    <message>
        <source>Half-lives in layer %1</source>
        <translation>Периоды полузабывания в слое %1</translation>
    </message>
    <message>
        <source>log2 of tokens until half is forgotten</source>
        <translation>log2 числа токенов, за которое забывается половина</translation>
    </message>
    <message>
        <source>lower bound</source>
        <translation>нижняя граница</translation>
    </message>
    <message>
        <source>Half of the channels cannot forget faster than %1 tokens: their gate&apos;s lower bound.</source>
        <translation>Половина каналов не может забывать быстрее чем за %1 токенов: такова нижняя граница их затвора.</translation>
    </message>
    <message>
        <source>Tokens until half of a channel’s state is forgotten at its mean forget gate over this text. %1 of %2 layers read. The floor is the half-life at the median lower bound. Enter on a bar shows its channels.</source>
        <translation>Через сколько токенов забывается половина состояния канала при его среднем затворе забывания на этом тексте. Прочитано слоёв: %1 из %2. Граница — период полузабывания при медианной нижней границе. Enter на столбце показывает его каналы.</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::HeatmapView</name>
    <message>
        <source>Heatmap</source>
        <translation>Тепловая карта</translation>
    </message>
    <message>
        <source>cell (%1, %2): %3</source>
        <translation>ячейка (%1, %2): %3</translation>
    </message>
    <message>
        <source>%1 cells are selected; at most %2 can be copied. Export the matrix instead.</source>
        <translation>Выделено ячеек: %1; скопировать можно не более %2. Экспортируйте матрицу целиком.</translation>
    </message>
    <message>
        <source>Summing up the matrix: %1 %</source>
        <translation>Сводка по матрице: %1 %</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::HistoryPanel</name>
    <message>
        <source>Open</source>
        <translation>Открыть</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>Закрепить</translation>
    </message>
    <message>
        <source>Tags…</source>
        <translation>Метки…</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Удалить</translation>
    </message>
    <message>
        <source>Writing speed over time</source>
        <translation>Скорость генерации по датам</translation>
    </message>
    <message>
        <source>Find in titles, machines and tags</source>
        <translation>Искать в названиях, компьютерах и метках</translation>
    </message>
    <message>
        <source>Find comparisons</source>
        <translation>Поиск сравнений</translation>
    </message>
    <message>
        <source>Kept comparisons</source>
        <translation>Сохранённые сравнения</translation>
    </message>
    <message>
        <source>When</source>
        <translation>Когда</translation>
    </message>
    <message>
        <source>Comparison</source>
        <translation>Сравнение</translation>
    </message>
    <message>
        <source>Machine</source>
        <translation>Компьютер</translation>
    </message>
    <message>
        <source>Rounds</source>
        <translation>Раунды</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>Метки</translation>
    </message>
    <message>
        <source>Difference of two comparisons</source>
        <translation>Различие двух сравнений</translation>
    </message>
    <message>
        <source>Metric</source>
        <translation>Показатель</translation>
    </message>
    <message>
        <source>A: older</source>
        <translation>A: старое</translation>
    </message>
    <message>
        <source>B: newer</source>
        <translation>B: новое</translation>
    </message>
    <message>
        <source>B to A</source>
        <translation>B к A</translation>
    </message>
    <message>
        <source>Writing speed</source>
        <translation>Скорость генерации</translation>
    </message>
    <message>
        <source>tokens/s</source>
        <translation>ток/с</translation>
    </message>
    <message>
        <source>Choose two comparisons to see their difference, more to see speeds over time.</source>
        <translation>Выберите два сравнения, чтобы увидеть их различие, или больше — чтобы увидеть скорости по датам.</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>Импорт…</translation>
    </message>
    <message>
        <source>Bring in run files, also of other machines</source>
        <translation>Загрузить файлы прогонов, в том числе с других компьютеров</translation>
    </message>
    <message>
        <source>★ %1</source>
        <translation>★ %1</translation>
    </message>
    <message>
        <source>%1 (emulated)</source>
        <translation>%1 (эмуляция)</translation>
    </message>
    <message>
        <source>imported</source>
        <translation>импортировано</translation>
    </message>
    <message>
        <source>Import run files</source>
        <translation>Импорт файлов прогонов</translation>
    </message>
    <message>
        <source>Run files (*.json);;All files (*)</source>
        <translation>Файлы прогонов (*.json);;Все файлы (*)</translation>
    </message>
    <message>
        <source>Words to find these comparisons by:</source>
        <translation>Слова, по которым искать эти сравнения:</translation>
    </message>
    <message numerus="yes">
        <source>%n comparison(s) deleted</source>
        <translation>
            <numerusform>Удалено %n сравнение</numerusform>
            <numerusform>Удалено %n сравнения</numerusform>
            <numerusform>Удалено %n сравнений</numerusform>
        </translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Вернуть</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::HoldPanel</name>
    <message>
        <source>Only channels with |h| at least</source>
        <translation>Каналы с |h| не меньше</translation>
    </message>
    <message>
        <source>Hold map</source>
        <translation>Карта удержания</translation>
    </message>
    <message>
        <source>Shares of earlier tokens in the state appear when the text has been read.</source>
        <translation>Доли более ранних токенов в состоянии появятся, когда текст будет прочитан.</translation>
    </message>
    <message>
        <source>“%1” keeps %2 % of layer %3’s state at “%4”</source>
        <translation>«%1» удерживает %2 % состояния слоя %3 на «%4»</translation>
    </message>
    <message>
        <source>Pick a token in the strip.</source>
        <translation>Выберите токен в полосе.</translation>
    </message>
    <message>
        <source>keeps %1 % of layer %2’s state at “%3”</source>
        <translation>удерживает %1 % состояния слоя %2 на «%3»</translation>
    </message>
    <message>
        <source>No channel is active at “%1” with this threshold.</source>
        <translation>При этом пороге на «%1» не активен ни один канал.</translation>
    </message>
    <message>
        <source>The strip shows how much of layer %1’s state at “%2” stems from each earlier token, over %3 channels. Exact within the layer: what a token brought there from layers below is not traced further.</source>
        <translation>Полоса показывает, какая часть состояния слоя %1 на «%2» происходит от каждого более раннего токена (каналов: %3). Внутри слоя это точно: вклад токена, пришедший из нижних слоёв, дальше не прослеживается.</translation>
    </message>
    <message>
        <source>The matrix is made for up to %1 tokens; this text has %2. The strip works for any length.</source>
        <translation>Матрица строится не более чем для %1 токенов, в этом тексте их %2. Полоса работает при любой длине.</translation>
    </message>
    <message>
        <source>share of the state</source>
        <translation>доля состояния</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::LiveRace</name>
    <message>
        <source>Memory against tokens</source>
        <translation>Память и число токенов</translation>
    </message>
    <message>
        <source>Time per written token</source>
        <translation>Время на написанный токен</translation>
    </message>
    <message>
        <source>Tokens in the sequence</source>
        <translation>Токенов в последовательности</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>Память</translation>
    </message>
    <message>
        <source>MB</source>
        <translation>МБ</translation>
    </message>
    <message>
        <source>Start a comparison to see memory grow, or stay.</source>
        <translation>Запустите сравнение и увидите, растёт память или нет.</translation>
    </message>
    <message>
        <source>Position</source>
        <translation>Позиция</translation>
    </message>
    <message>
        <source>tokens</source>
        <translation>токены</translation>
    </message>
    <message>
        <source>Time per token</source>
        <translation>Время на токен</translation>
    </message>
    <message>
        <source>ms</source>
        <translation>мс</translation>
    </message>
    <message>
        <source>Each written token&apos;s time appears here.</source>
        <translation>Здесь появится время каждого написанного токена.</translation>
    </message>
    <message>
        <source>Hold view</source>
        <translation>Заморозить</translation>
    </message>
    <message>
        <source>Keep what is drawn; the runs go on</source>
        <translation>Оставить нарисованное; прогоны продолжаются</translation>
    </message>
    <message>
        <source>loading</source>
        <translation>загрузка</translation>
    </message>
    <message>
        <source>warm-up %1</source>
        <translation>прогрев %1</translation>
    </message>
    <message>
        <source>round %1</source>
        <translation>раунд %1</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>ожидание</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>сбой</translation>
    </message>
    <message>
        <source>computed</source>
        <translation>расчёт</translation>
    </message>
    <message>
        <source>%1 tokens/s</source>
        <translation>%1 ток/с</translation>
    </message>
    <message>
        <source>did not run</source>
        <translation>не запускался</translation>
    </message>
    <message>
        <source>%1 J/token</source>
        <translation>%1 Дж/токен</translation>
    </message>
    <message>
        <source>✔ same text</source>
        <translation>✔ тот же текст</translation>
    </message>
    <message>
        <source>✖ text differs at token %1</source>
        <translation>✖ текст расходится на токене %1</translation>
    </message>
    <message>
        <source> (emulated)</source>
        <translation> (эмуляция)</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::MarkdownView</name>
    <message>
        <source>Open this link?</source>
        <translation>Открыть эту ссылку?</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::MatchPanel</name>
    <message>
        <source>Off just before and after</source>
        <translation>Выключены прямо до и после</translation>
    </message>
    <message>
        <source>Find in a text file…</source>
        <translation>Найти в текстовом файле…</translation>
    </message>
    <message>
        <source>Show these channels</source>
        <translation>Показать эти каналы</translation>
    </message>
    <message>
        <source>On</source>
        <translation>Включены</translation>
    </message>
    <message>
        <source>Where</source>
        <translation>Где</translation>
    </message>
    <message>
        <source>Text</source>
        <translation>Текст</translation>
    </message>
    <message>
        <source>Places where the same channels are on</source>
        <translation>Места, где включены те же каналы</translation>
    </message>
    <message>
        <source>|h| at least</source>
        <translation>|h| не меньше</translation>
    </message>
    <message>
        <source>on over the brushed tokens</source>
        <translation>включены на выделенных токенах</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Brush tokens in the strip: drag over them, or Shift and the arrow keys.</source>
        <translation>Выделите токены в полосе: мышью или стрелками с Shift.</translation>
    </message>
    <message numerus="yes">
        <source>%n channels of layer %1 are on from “%2” to “%3”.</source>
        <translation>
            <numerusform>От «%2» до «%3» включён %n канал слоя %1.</numerusform>
            <numerusform>От «%2» до «%3» включены %n канала слоя %1.</numerusform>
            <numerusform>От «%2» до «%3» включены %n каналов слоя %1.</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 of %2 brushed channels are on</source>
        <translation>включено каналов: %1 из %2 выделенных</translation>
    </message>
    <message>
        <source>here, token %1</source>
        <translation>здесь, токен %1</translation>
    </message>
    <message>
        <source>Text to search</source>
        <translation>Где искать</translation>
    </message>
    <message>
        <source>Texts (*.txt *.md);;All files (*)</source>
        <translation>Тексты (*.txt *.md);;Все файлы (*)</translation>
    </message>
    <message>
        <source>file, token %1</source>
        <translation>файл, токен %1</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::MatrixPanel</name>
    <message>
        <source>%1 as a table</source>
        <translation>%1 таблицей</translation>
    </message>
    <message>
        <source>Table</source>
        <translation>Таблица</translation>
    </message>
    <message>
        <source>The same numbers as a table</source>
        <translation>Те же числа таблицей</translation>
    </message>
    <message>
        <source>View</source>
        <translation>Вид</translation>
    </message>
    <message>
        <source>Fit, zoom, copy and export</source>
        <translation>Масштаб, копирование и экспорт</translation>
    </message>
    <message>
        <source>Fit the whole matrix	0</source>
        <translation>Вписать матрицу целиком	0</translation>
    </message>
    <message>
        <source>One pixel a cell	1</source>
        <translation>Один пиксель на ячейку	1</translation>
    </message>
    <message>
        <source>Copy the selection	Ctrl+C</source>
        <translation>Копировать выделенное	Ctrl+C</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>Экспорт…</translation>
    </message>
    <message>
        <source>This cannot be copied</source>
        <translation>Это нельзя скопировать</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>Экспорт</translation>
    </message>
    <message>
        <source>Picture (*.png);;Drawing (*.svg *.pdf);;NumPy array (*.npy);;Table (*.csv)</source>
        <translation>Изображение (*.png);;Рисунок (*.svg *.pdf);;Массив NumPy (*.npy);;Таблица (*.csv)</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::MemoryStackView</name>
    <message>
        <source>Memory of each contender</source>
        <translation>Память каждого участника</translation>
    </message>
    <message>
        <source>weights</source>
        <translation>веса</translation>
    </message>
    <message>
        <source>state</source>
        <translation>состояние</translation>
    </message>
    <message>
        <source>KV cache</source>
        <translation>KV-кэш</translation>
    </message>
    <message>
        <source>activations</source>
        <translation>активации</translation>
    </message>
    <message>
        <source>other</source>
        <translation>прочее</translation>
    </message>
    <message>
        <source>unexplained</source>
        <translation>необъяснённое</translation>
    </message>
    <message>
        <source>reserved, not touched</source>
        <translation>зарезервировано, не тронуто</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <translation>%1 %2</translation>
    </message>
    <message>
        <source>%1: measured %2 = %3</source>
        <translation>%1: измерено %2 = %3</translation>
    </message>
    <message>
        <source> + </source>
        <translation> + </translation>
    </message>
    <message>
        <source>Memory now</source>
        <translation>Память сейчас</translation>
    </message>
    <message>
        <source>not measured yet</source>
        <translation>ещё не измерено</translation>
    </message>
    <message>
        <source>state / KV</source>
        <translation>состояние / KV</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::MessageBar</name>
    <message>
        <source>Close this message</source>
        <translation>Закрыть это сообщение</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::MessageView</name>
    <message>
        <source>Copy this message</source>
        <translation>Копировать сообщение</translation>
    </message>
    <message>
        <source>Write another answer</source>
        <translation>Написать другой ответ</translation>
    </message>
    <message>
        <source>Continue this answer</source>
        <translation>Продолжить этот ответ</translation>
    </message>
    <message>
        <source>Your text</source>
        <translation>Ваш текст</translation>
    </message>
    <message>
        <source>You</source>
        <translation>Вы</translation>
    </message>
    <message>
        <source>Continuation</source>
        <translation>Продолжение</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Модель</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>Чтение…</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>Остановлено</translation>
    </message>
    <message>
        <source>Interrupted: the program ended while this was written</source>
        <translation>Прервано: программа завершилась во время записи</translation>
    </message>
    <message>
        <source>Length limit reached</source>
        <translation>Достигнут предел длины</translation>
    </message>
    <message>
        <source>The model&apos;s context is full</source>
        <translation>Контекст модели заполнен</translation>
    </message>
    <message>
        <source>finished</source>
        <translation>завершён</translation>
    </message>
    <message>
        <source>being written</source>
        <translation>пишется</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>остановлен</translation>
    </message>
    <message>
        <source>Your message %1 of %2</source>
        <translation>Ваше сообщение %1 из %2</translation>
    </message>
    <message>
        <source>Reply %1 of %2, %3</source>
        <translation>Ответ %1 из %2, %3</translation>
    </message>
    <message>
        <source>Edit (Ctrl+E edits the last message of yours)</source>
        <translation>Править (Ctrl+E — ваше последнее сообщение)</translation>
    </message>
    <message>
        <source>Show as tokens (Ctrl+T)</source>
        <translation>Показать как токены (Ctrl+T)</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Ещё</translation>
    </message>
    <message>
        <source>Previous version (Alt+Left)</source>
        <translation>Предыдущая версия (Alt+Left)</translation>
    </message>
    <message>
        <source>Next version (Alt+Right)</source>
        <translation>Следующая версия (Alt+Right)</translation>
    </message>
    <message>
        <source>Copy the command line that reproduces it</source>
        <translation>Скопировать команду, которая его воспроизводит</translation>
    </message>
    <message>
        <source>Delete this message and what follows</source>
        <translation>Удалить это сообщение и всё после него</translation>
    </message>
    <message>
        <source>%1/%2</source>
        <translation>%1/%2</translation>
    </message>
    <message>
        <source>Version %1 of %2</source>
        <translation>Версия %1 из %2</translation>
    </message>
    <message>
        <source>, %1 tokens</source>
        <translation>, токенов: %1</translation>
    </message>
    <message>
        <source>, version %1 of %2</source>
        <translation>, версия %1 из %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ModelCard</name>
    <message>
        <source>Layers</source>
        <translation>Слои</translation>
    </message>
    <message>
        <source>Blocks, one after another</source>
        <translation>Блоки, один за другим</translation>
    </message>
    <message>
        <source>Hidden size</source>
        <translation>Скрытая размерность</translation>
    </message>
    <message>
        <source>Width of the state and of everything between blocks</source>
        <translation>Ширина состояния и всего между блоками</translation>
    </message>
    <message>
        <source>GLU width</source>
        <translation>Ширина GLU</translation>
    </message>
    <message>
        <source>Inner width of the channel mixer</source>
        <translation>Внутренняя ширина смесителя каналов</translation>
    </message>
    <message>
        <source>Threads</source>
        <translation>Потоки</translation>
    </message>
    <message>
        <source>Processor threads; 0: all cores</source>
        <translation>Потоки процессора; 0 — все ядра</translation>
    </message>
    <message>
        <source>&amp;Measure for two seconds</source>
        <translation>&amp;Измерить за две секунды</translation>
    </message>
    <message>
        <source>New weights</source>
        <translation>Новые веса</translation>
    </message>
    <message>
        <source>The bundled model, trained further</source>
        <translation>Дообучить встроенную модель</translation>
    </message>
    <message>
        <source>Another model, trained further…</source>
        <translation>Дообучить другую модель…</translation>
    </message>
    <message>
        <source>Tiny: about a minute on two cores</source>
        <translation>Крошечная: около минуты на двух ядрах</translation>
    </message>
    <message>
        <source>Small: some minutes</source>
        <translation>Малая: несколько минут</translation>
    </message>
    <message>
        <source>Published 370M</source>
        <translation>Опубликованная 370M</translation>
    </message>
    <message>
        <source>Published 1.3B</source>
        <translation>Опубликованная 1.3B</translation>
    </message>
    <message>
        <source>Published 2.7B</source>
        <translation>Опубликованная 2.7B</translation>
    </message>
    <message>
        <source>Custom</source>
        <translation>Своя</translation>
    </message>
    <message>
        <source>MatMul-free (ternary, MLGRU)</source>
        <translation>MatMul-free (троичная, MLGRU)</translation>
    </message>
    <message>
        <source>Dense (Transformer++)</source>
        <translation>Плотная (Transformer++)</translation>
    </message>
    <message>
        <source>The fastest that trains this model</source>
        <translation>Самый быстрый для этой модели</translation>
    </message>
    <message>
        <source>Start from</source>
        <translation>Начать с</translation>
    </message>
    <message>
        <source>Shape</source>
        <translation>Форма</translation>
    </message>
    <message>
        <source>Architecture</source>
        <translation>Архитектура</translation>
    </message>
    <message>
        <source>Backend</source>
        <translation>Бэкенд</translation>
    </message>
    <message>
        <source>&amp;Start from</source>
        <translation>&amp;Начать с</translation>
    </message>
    <message>
        <source>S&amp;hape</source>
        <translation>&amp;Форма</translation>
    </message>
    <message>
        <source>&amp;Architecture</source>
        <translation>&amp;Архитектура</translation>
    </message>
    <message>
        <source>&amp;Layers</source>
        <translation>&amp;Слои</translation>
    </message>
    <message>
        <source>Hi&amp;dden size</source>
        <translation>С&amp;крытая размерность</translation>
    </message>
    <message>
        <source>&amp;GLU width</source>
        <translation>&amp;Ширина GLU</translation>
    </message>
    <message>
        <source>&amp;Backend</source>
        <translation>&amp;Бэкенд</translation>
    </message>
    <message>
        <source>&amp;Threads</source>
        <translation>&amp;Потоки</translation>
    </message>
    <message>
        <source>Estimates</source>
        <translation>Оценки</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>Параметры</translation>
    </message>
    <message>
        <source>Numbers that are learned</source>
        <translation>Обучаемые числа</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>Память</translation>
    </message>
    <message>
        <source>All parts together, beside what this machine has</source>
        <translation>Всё вместе рядом с тем, что есть у этого компьютера</translation>
    </message>
    <message>
        <source>Weights and gradients</source>
        <translation>Веса и градиенты</translation>
    </message>
    <message>
        <source>32-bit latents, their ternary copy, gradients</source>
        <translation>32-битные латентные веса, их троичная копия, градиенты</translation>
    </message>
    <message>
        <source>Optimiser</source>
        <translation>Оптимизатор</translation>
    </message>
    <message>
        <source>AdamW&apos;s two moments</source>
        <translation>Два момента AdamW</translation>
    </message>
    <message>
        <source>Activations</source>
        <translation>Активации</translation>
    </message>
    <message>
        <source>Grows with batch and length</source>
        <translation>Растёт с пакетом и длиной</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>Скорость</translation>
    </message>
    <message>
        <source>Measured with this model, batch and text</source>
        <translation>Измерена с этой моделью, пакетом и текстом</translation>
    </message>
    <message>
        <source>First 1,000 steps</source>
        <translation>Первые 1000 шагов</translation>
    </message>
    <message>
        <source>At the measured speed</source>
        <translation>При измеренной скорости</translation>
    </message>
    <message>
        <source>Measured on</source>
        <translation>Измерено на</translation>
    </message>
    <message>
        <source>What computed the probe</source>
        <translation>Что вычисляло пробу</translation>
    </message>
    <message>
        <source>Model or run to train further</source>
        <translation>Модель или запуск для дообучения</translation>
    </message>
    <message>
        <source>%1, trained further</source>
        <translation>%1, дообучение</translation>
    </message>
    <message>
        <source>%1 (%2 of them ternary)</source>
        <translation>%1 (из них троичных %2)</translation>
    </message>
    <message>
        <source> %</source>
        <translation> %</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 из %2</translation>
    </message>
    <message>
        <source>%1 (measured)</source>
        <translation>%1 (измерено)</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ModelsPage</name>
    <message>
        <source>embedding</source>
        <translation>эмбеддинг</translation>
    </message>
    <message>
        <source>norm</source>
        <translation>нормировка</translation>
    </message>
    <message>
        <source>forget lower bounds</source>
        <translation>нижние границы забывания</translation>
    </message>
    <message>
        <source>ternary</source>
        <translation>троичный</translation>
    </message>
    <message>
        <source>dense</source>
        <translation>плотный</translation>
    </message>
    <message>
        <source>Models you open are listed here.</source>
        <translation>Здесь будут открытые вами модели.</translation>
    </message>
    <message>
        <source>No model is open</source>
        <translation>Модель не открыта</translation>
    </message>
    <message>
        <source>Open one to see what it is made of and where it can run.</source>
        <translation>Откройте модель, чтобы увидеть её строение и где она может работать.</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>Модели</translation>
    </message>
    <message>
        <source>Recent</source>
        <translation>Недавние</translation>
    </message>
    <message>
        <source>Recent models</source>
        <translation>Недавние модели</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Модель</translation>
    </message>
    <message>
        <source>Size and memory</source>
        <translation>Размер и память</translation>
    </message>
    <message>
        <source>Backend</source>
        <translation>Бэкенд</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Устройство</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>Память</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Состояние</translation>
    </message>
    <message>
        <source>Backends and devices</source>
        <translation>Бэкенды и устройства</translation>
    </message>
    <message>
        <source>Where it can run · press Enter on a row to run the model there</source>
        <translation>Где она может работать · Enter в строке — запустить модель там</translation>
    </message>
    <message>
        <source>Tensor</source>
        <translation>Тензор</translation>
    </message>
    <message>
        <source>Shape</source>
        <translation>Форма</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>Вид</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>Параметры</translation>
    </message>
    <message>
        <source>Tensors</source>
        <translation>Тензоры</translation>
    </message>
    <message>
        <source>Architecture</source>
        <translation>Архитектура</translation>
    </message>
    <message>
        <source>MatMul-free (MLGRU, GLU, ternary weights)</source>
        <translation>MatMul-free (троичная)</translation>
    </message>
    <message>
        <source>Transformer++ (dense)</source>
        <translation>Transformer++ (плотная)</translation>
    </message>
    <message>
        <source>%1 (%2)</source>
        <translation>%1 (%2)</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>Слои</translation>
    </message>
    <message>
        <source>Hidden size</source>
        <translation>Скрытая размерность</translation>
    </message>
    <message>
        <source>GLU width</source>
        <translation>Ширина GLU</translation>
    </message>
    <message>
        <source>Vocabulary</source>
        <translation>Словарь</translation>
    </message>
    <message>
        <source>Heads</source>
        <translation>Головы</translation>
    </message>
    <message>
        <source>%1, %2 for keys and values</source>
        <translation>%1, для ключей и значений %2</translation>
    </message>
    <message>
        <source>Longest text</source>
        <translation>Длина текста</translation>
    </message>
    <message>
        <source>%1 tokens</source>
        <translation>%1 ток.</translation>
    </message>
    <message>
        <source>unlimited</source>
        <translation>не ограничена</translation>
    </message>
    <message>
        <source>On disk</source>
        <translation>На диске</translation>
    </message>
    <message>
        <source>Stored weights</source>
        <translation>Веса в файле</translation>
    </message>
    <message>
        <source>latent, packed when opened</source>
        <translation>латентные, упаковываются при открытии</translation>
    </message>
    <message>
        <source>packed ternary</source>
        <translation>упакованные троичные</translation>
    </message>
    <message>
        <source>Weights in memory</source>
        <translation>Веса в памяти</translation>
    </message>
    <message>
        <source>Bits per parameter</source>
        <translation>Бит на параметр</translation>
    </message>
    <message>
        <source>All weights in memory, embedding and output head included</source>
        <translation>Все веса в памяти, включая эмбеддинг и выходную голову</translation>
    </message>
    <message>
        <source>%1, whatever the length</source>
        <translation>%1 при любой длине</translation>
    </message>
    <message>
        <source>%1, grows with the text</source>
        <translation>%1, растёт с текстом</translation>
    </message>
    <message>
        <source>Workspace</source>
        <translation>Рабочая память</translation>
    </message>
    <message>
        <source>Opened in</source>
        <translation>Открыта за</translation>
    </message>
    <message>
        <source>Runs on</source>
        <translation>Работает на</translation>
    </message>
    <message>
        <source>Tokenizer</source>
        <translation>Токенизатор</translation>
    </message>
    <message>
        <source>SentencePiece, %1 pieces</source>
        <translation>SentencePiece, %1 фрагм.</translation>
    </message>
    <message>
        <source>none</source>
        <translation>нет</translation>
    </message>
    <message>
        <source>Chat template</source>
        <translation>Шаблон чата</translation>
    </message>
    <message>
        <source>none: the model continues text</source>
        <translation>нет: продолжает текст</translation>
    </message>
    <message>
        <source>in use</source>
        <translation>используется</translation>
    </message>
    <message>
        <source>ready</source>
        <translation>готов</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ParityPanel</name>
    <message>
        <source>layer %1</source>
        <translation>слой %1</translation>
    </message>
    <message>
        <source>logits</source>
        <translation>логиты</translation>
    </message>
    <message>
        <source>Contender</source>
        <translation>Участник</translation>
    </message>
    <message>
        <source>Relative error by layer and token</source>
        <translation>Относительная ошибка по слоям и токенам</translation>
    </message>
    <message>
        <source>Nothing was compared. Contenders that run the same model are compared layer by layer.</source>
        <translation>Ничего не сравнивалось. Послойно сравниваются участники с одной и той же моделью.</translation>
    </message>
    <message>
        <source>Rows are layers, the last one the logits; columns are tokens of the prompt. Colour is the size of the error, |x − y| / |y|, from 1e−8 to 1; arrow keys read single cells.</source>
        <translation>Строки — слои, последняя — логиты; столбцы — токены промпта. Цвет — величина ошибки |x − y| / |y| от 1e−8 до 1; стрелки читают отдельные ячейки.</translation>
    </message>
    <message>
        <source>Not compared.</source>
        <translation>Не сравнивалось.</translation>
    </message>
    <message>
        <source>Not compared: %1.</source>
        <translation>Не сравнивалось: %1.</translation>
    </message>
    <message>
        <source>no error above %1</source>
        <translation>ошибок выше %1 нет</translation>
    </message>
    <message>
        <source>first error above %1 at %2, token %3</source>
        <translation>первая ошибка выше %1: %2, токен %3</translation>
    </message>
    <message>
        <source>most likely token agrees for %1 %</source>
        <translation>самый вероятный токен совпадает в %1 %</translation>
    </message>
    <message>
        <source>KL %1 nats, at most %2</source>
        <translation>KL %1 нат, не более %2</translation>
    </message>
    <message>
        <source>written text equal over %1 tokens</source>
        <translation>написанный текст совпадает на %1 токенах</translation>
    </message>
    <message>
        <source>written text differs from token %1 on</source>
        <translation>написанный текст расходится с токена %1</translation>
    </message>
    <message>
        <source>Against %1: %2.</source>
        <translation>Относительно %1: %2.</translation>
    </message>
    <message>
        <source>; </source>
        <translation>; </translation>
    </message>
    <message>
        <source>%1, token %2: error %3</source>
        <translation>%1, токен %2: ошибка %3</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::PlannerView</name>
    <message>
        <source>✓ %1: %2 of %3</source>
        <translation>✓ %1: %2 из %3</translation>
    </message>
    <message>
        <source>✗ %1: %2 of %3, too much</source>
        <translation>✗ %1: %2 из %3, слишком много</translation>
    </message>
    <message>
        <source>Board</source>
        <translation>Плата</translation>
    </message>
    <message>
        <source>Model shape</source>
        <translation>Форма модели</translation>
    </message>
    <message>
        <source>Board file…</source>
        <translation>Файл платы…</translation>
    </message>
    <message>
        <source>A board description of your own, JSON with the fields of resources/boards</source>
        <translation>Собственное описание платы: JSON с полями, как в resources/boards</translation>
    </message>
    <message>
        <source>Open a board description</source>
        <translation>Открыть описание платы</translation>
    </message>
    <message>
        <source>Boards (*.json);;All files (*)</source>
        <translation>Платы (*.json);;Все файлы (*)</translation>
    </message>
    <message>
        <source>Rows each clock</source>
        <translation>Строк за такт</translation>
    </message>
    <message>
        <source>Rows of 128 columns that are computed at once (MMFREE_PIPELINE_ROWS)</source>
        <translation>Сколько строк по 128 столбцов вычисляется одновременно (MMFREE_PIPELINE_ROWS)</translation>
    </message>
    <message>
        <source>Kernel clock</source>
        <translation>Тактовая частота</translation>
    </message>
    <message>
        <source>What the placed and routed kernels reach</source>
        <translation>Чего достигают ядра после размещения и трассировки</translation>
    </message>
    <message>
        <source>Memory efficiency</source>
        <translation>Использование памяти</translation>
    </message>
    <message>
        <source>Share of the peak bandwidth that long bursts reach</source>
        <translation>Доля пиковой пропускной способности при длинных пакетах</translation>
    </message>
    <message>
        <source>Core</source>
        <translation>Ядро</translation>
    </message>
    <message>
        <source>Projection</source>
        <translation>Прогноз</translation>
    </message>
    <message>
        <source>Calculated from the board&apos;s data sheet and the loops of the kernels. Nothing was built or run on this board.</source>
        <translation>Рассчитано по документации платы и циклам ядер. На этой плате ничего не собиралось и не запускалось.</translation>
    </message>
    <message>
        <source>Stage</source>
        <translation>Этап</translation>
    </message>
    <message>
        <source>Cycles a token</source>
        <translation>Тактов на токен</translation>
    </message>
    <message>
        <source>Share</source>
        <translation>Доля</translation>
    </message>
    <message>
        <source>Bound by</source>
        <translation>Чем ограничен</translation>
    </message>
    <message>
        <source>Projected cycles by stage</source>
        <translation>Прогноз тактов по этапам</translation>
    </message>
    <message>
        <source>Where the time of a token goes (projection)</source>
        <translation>На что уходит время токена (прогноз)</translation>
    </message>
    <message>
        <source>Published elsewhere</source>
        <translation>Опубликовано в других работах</translation>
    </message>
    <message>
        <source>Published</source>
        <translation>Опубликовано</translation>
    </message>
    <message>
        <source>Computed here</source>
        <translation>Рассчитано здесь</translation>
    </message>
    <message>
        <source>Published figures</source>
        <translation>Опубликованные значения</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <translation>%1 %2</translation>
    </message>
    <message>
        <source>%1. %2</source>
        <translation>%1. %2</translation>
    </message>
    <message>
        <source>The paper&apos;s core from the paper&apos;s own parameters, and boards others measured</source>
        <translation>Ядро из статьи по её же параметрам и платы, измеренные другими</translation>
    </message>
    <message>
        <source>%1 (open)</source>
        <translation>%1 (открыта)</translation>
    </message>
    <message>
        <source>%1 · %2 %3s · %4 on chip · %5 at %6 GB/s in %7 banks</source>
        <translation>%1 · %3: %2 · на кристалле %4 · %5 при %6 ГБ/с, банков: %7</translation>
    </message>
    <message>
        <source>Sources: %1</source>
        <translation>Источники: %1</translation>
    </message>
    <message>
        <source>%1 MHz</source>
        <translation>%1 МГц</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>%1 tokens/s, projected</source>
        <translation>%1 ток/с, прогноз</translation>
    </message>
    <message>
        <source>Bound by memory: %1 % of %2 GB/s are weights</source>
        <translation>Ограничено памятью: веса занимают %1 % от %2 ГБ/с</translation>
    </message>
    <message>
        <source>Bound by the core: %1 % of %2 GB/s are used</source>
        <translation>Ограничено ядром: используется %1 % от %2 ГБ/с</translation>
    </message>
    <message>
        <source>Logic (estimate)</source>
        <translation>Логика (оценка)</translation>
    </message>
    <message>
        <source>%1 usable %2s</source>
        <translation>доступно %2: %1</translation>
    </message>
    <message>
        <source>Buffers on the chip</source>
        <translation>Буферы на кристалле</translation>
    </message>
    <message>
        <source>Model in the board&apos;s memory</source>
        <translation>Модель в памяти платы</translation>
    </message>
    <message>
        <source>✓ All weights would fit on the chip: a design without outside memory is possible</source>
        <translation>✓ Все веса поместились бы на кристалле: возможна схема без внешней памяти</translation>
    </message>
    <message>
        <source>memory</source>
        <translation>память</translation>
    </message>
    <message>
        <source>core</source>
        <translation>ядро</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::PlotCanvas</name>
    <message>
        <source>Nothing to show yet</source>
        <translation>Пока нечего показать</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <translation>%1 %2</translation>
    </message>
    <message>
        <source>%1 (%2 to %3)</source>
        <translation>%1 (от %2 до %3)</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::PlotTableModel</name>
    <message>
        <source>%1, low</source>
        <translation>%1, низ</translation>
    </message>
    <message>
        <source>%1, high</source>
        <translation>%1, верх</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::PlotView</name>
    <message>
        <source>The picture could not be made.</source>
        <translation>Не удалось построить изображение.</translation>
    </message>
    <message>
        <source>Export %1</source>
        <translation>Экспорт: %1</translation>
    </message>
    <message>
        <source>&amp;Show all</source>
        <translation>&amp;Показать всё</translation>
    </message>
    <message>
        <source>Logarithmic &amp;x axis</source>
        <translation>Логарифмическая ось &amp;x</translation>
    </message>
    <message>
        <source>Logarithmic &amp;y axis</source>
        <translation>Логарифмическая ось &amp;y</translation>
    </message>
    <message>
        <source>Show as &amp;table</source>
        <translation>Показать &amp;таблицей</translation>
    </message>
    <message>
        <source>Copy &amp;picture</source>
        <translation>Копировать &amp;изображение</translation>
    </message>
    <message>
        <source>Copy &amp;numbers</source>
        <translation>Копировать &amp;числа</translation>
    </message>
    <message>
        <source>Export as PN&amp;G…</source>
        <translation>Экспорт в PN&amp;G…</translation>
    </message>
    <message>
        <source>Pictures (*.png)</source>
        <translation>Изображения (*.png)</translation>
    </message>
    <message>
        <source>Export as S&amp;VG…</source>
        <translation>Экспорт в S&amp;VG…</translation>
    </message>
    <message>
        <source>Vector pictures (*.svg)</source>
        <translation>Векторные изображения (*.svg)</translation>
    </message>
    <message>
        <source>Export as &amp;CSV…</source>
        <translation>Экспорт в &amp;CSV…</translation>
    </message>
    <message>
        <source>Tables (*.csv)</source>
        <translation>Таблицы (*.csv)</translation>
    </message>
    <message>
        <source>Plot: %1</source>
        <translation>График: %1</translation>
    </message>
    <message>
        <source>Table: %1</source>
        <translation>Таблица: %1</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ResultsModel</name>
    <message>
        <source>tokens/s</source>
        <translation>ток/с</translation>
    </message>
    <message>
        <source>ms</source>
        <translation>мс</translation>
    </message>
    <message>
        <source>s</source>
        <translation>с</translation>
    </message>
    <message>
        <source>J</source>
        <translation>Дж</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <translation>%1 %2</translation>
    </message>
    <message>
        <source>%1×</source>
        <translation>%1×</translation>
    </message>
    <message>
        <source>%1× (%2 to %3)</source>
        <translation>%1× (от %2 до %3)</translation>
    </message>
    <message>
        <source>%1, no clear difference</source>
        <translation>%1, явного различия нет</translation>
    </message>
    <message>
        <source>%1 (emulated)</source>
        <translation>%1 (эмуляция)</translation>
    </message>
    <message>
        <source>dense, %1</source>
        <translation>плотная, %1</translation>
    </message>
    <message>
        <source>%1, %2 threads</source>
        <translation>%1, потоков: %2</translation>
    </message>
    <message>
        <source>1× baseline</source>
        <translation>1× базовый</translation>
    </message>
    <message>
        <source>%1  (%2 to %3)</source>
        <translation>%1  (от %2 до %3)</translation>
    </message>
    <message>
        <source>%1
n = %2%3</source>
        <translation>%1
n = %2%3</translation>
    </message>
    <message>
        <source>
To the baseline: %1</source>
        <translation>
К базовому: %1</translation>
    </message>
    <message>
        <source>Output</source>
        <translation>Вывод</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::RooflinePanel</name>
    <message>
        <source>Roofline</source>
        <translation>Roofline</translation>
    </message>
    <message>
        <source>One operation is one addition or one multiplication of a weight&apos;s product. A ternary weight counts as two operations like a dense one, although it only adds, so that equal work stands at equal height. Bytes are the weights read once for a written token, or for a chunk of 512 read ones, and the state or cache. Ceilings are the best of five short bursts; what stays in the caches is read faster than the slope says.</source>
        <translation>Одна операция — одно сложение или одно умножение в произведении с весом. Троичный вес считается за две операции, как и плотный, хотя он только складывает: так равная работа стоит на равной высоте. Байты — веса, прочитанные один раз для написанного токена или для порции из 512 прочитанных, и состояние или кэш. Пределы — лучший из пяти коротких замеров; то, что остаётся в кэшах, читается быстрее, чем показывает наклон.</translation>
    </message>
    <message>
        <source>Operations per byte read</source>
        <translation>Операций на прочитанный байт</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>Скорость</translation>
    </message>
    <message>
        <source>G operations/s</source>
        <translation>Г операций/с</translation>
    </message>
    <message>
        <source>No contender was measured.</source>
        <translation>Ни один участник не измерен.</translation>
    </message>
    <message>
        <source>%1, writing</source>
        <translation>%1, генерация</translation>
    </message>
    <message>
        <source>%1, reading</source>
        <translation>%1, чтение</translation>
    </message>
    <message>
        <source>Limit, f32 (%1)</source>
        <translation>Предел, f32 (%1)</translation>
    </message>
    <message>
        <source>Limit, int8 (%1)</source>
        <translation>Предел, int8 (%1)</translation>
    </message>
    <message>
        <source>This machine with %1 threads: reads %2 GB/s, %3 G f32 operations/s, %4 G int8 operations/s.</source>
        <translation>Этот компьютер, потоков: %1; чтение %2 ГБ/с, %3 Г операций f32/с, %4 Г операций int8/с.</translation>
    </message>
    <message>
        <source>The machine&apos;s limits were not measured in this run.</source>
        <translation>В этом прогоне пределы компьютера не измерялись.</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::RunCard</name>
    <message>
        <source>Name of the run</source>
        <translation>Название запуска</translation>
    </message>
    <message>
        <source>&amp;Name</source>
        <translation>&amp;Название</translation>
    </message>
    <message>
        <source>Show &amp;command line</source>
        <translation>Показать &amp;командную строку</translation>
    </message>
    <message>
        <source>&amp;Import…</source>
        <translation>&amp;Импорт…</translation>
    </message>
    <message>
        <source>&amp;Export…</source>
        <translation>&amp;Экспорт…</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>Шаги</translation>
    </message>
    <message>
        <source>Updates of the whole run</source>
        <translation>Обновления за весь запуск</translation>
    </message>
    <message>
        <source>Batch</source>
        <translation>Пакет</translation>
    </message>
    <message>
        <source>Sequences in one pass</source>
        <translation>Последовательностей за проход</translation>
    </message>
    <message>
        <source>Length</source>
        <translation>Длина</translation>
    </message>
    <message>
        <source>Tokens of one sequence</source>
        <translation>Токенов в последовательности</translation>
    </message>
    <message>
        <source>Accumulate</source>
        <translation>Накопление</translation>
    </message>
    <message>
        <source>Passes before each update: a larger batch in the same memory</source>
        <translation>Проходов до каждого обновления: больший пакет в той же памяти</translation>
    </message>
    <message>
        <source>Learning rate</source>
        <translation>Скорость обучения</translation>
    </message>
    <message>
        <source>The highest of the schedule; the paper takes 4e-3 for 370M</source>
        <translation>Наибольшая в расписании; в статье для 370M взято 4e-3</translation>
    </message>
    <message>
        <source>Warm-up steps</source>
        <translation>Шаги прогрева</translation>
    </message>
    <message>
        <source>The learning rate rises from 0 over these</source>
        <translation>За них скорость обучения растёт от 0</translation>
    </message>
    <message>
        <source>Final rate share</source>
        <translation>Конечная доля скорости</translation>
    </message>
    <message>
        <source>The cosine ends at this share of the learning rate</source>
        <translation>Косинус заканчивается на этой доле скорости обучения</translation>
    </message>
    <message>
        <source>Clip norm</source>
        <translation>Порог нормы</translation>
    </message>
    <message>
        <source>Gradients are scaled down to this length; 0: off</source>
        <translation>Градиенты ужимаются до этой длины; 0 — выключено</translation>
    </message>
    <message>
        <source>Beta 1</source>
        <translation>Бета 1</translation>
    </message>
    <message>
        <source>AdamW: how long the mean gradient remembers</source>
        <translation>AdamW: как долго помнит средний градиент</translation>
    </message>
    <message>
        <source>Beta 2</source>
        <translation>Бета 2</translation>
    </message>
    <message>
        <source>AdamW: how long the mean square remembers</source>
        <translation>AdamW: как долго помнит средний квадрат</translation>
    </message>
    <message>
        <source>Epsilon</source>
        <translation>Эпсилон</translation>
    </message>
    <message>
        <source>AdamW: keeps small gradients from dividing by 0</source>
        <translation>AdamW: не даёт малым градиентам делиться на 0</translation>
    </message>
    <message>
        <source>Weight decay</source>
        <translation>Затухание весов</translation>
    </message>
    <message>
        <source>AdamW: pulls weight matrices towards 0</source>
        <translation>AdamW: тянет матрицы весов к 0</translation>
    </message>
    <message>
        <source>Validate every</source>
        <translation>Валидация каждые</translation>
    </message>
    <message>
        <source>Steps between looks at the validation text; 0: never</source>
        <translation>Шагов между проверками на тексте валидации; 0 — никогда</translation>
    </message>
    <message>
        <source>Checkpoint every</source>
        <translation>Сохранять каждые</translation>
    </message>
    <message>
        <source>Steps between saves: what a power cut may cost; 0: only at the end</source>
        <translation>Шагов между сохранениями: столько можно потерять при сбое питания; 0 — только в конце</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>Хранить</translation>
    </message>
    <message>
        <source>Newest checkpoints kept, besides the best and pinned ones</source>
        <translation>Сколько новейших контрольных точек хранить, кроме лучших и закреплённых</translation>
    </message>
    <message>
        <source>Sample every</source>
        <translation>Образцы каждые</translation>
    </message>
    <message>
        <source>Steps between sample texts; 0: never</source>
        <translation>Шагов между образцами текста; 0 — никогда</translation>
    </message>
    <message>
        <source>Statistics every</source>
        <translation>Статистика каждые</translation>
    </message>
    <message>
        <source>Steps between looks at the ternary weights; 0: never</source>
        <translation>Шагов между замерами троичных весов; 0 — никогда</translation>
    </message>
    <message>
        <source>Early stop after</source>
        <translation>Ранняя остановка</translation>
    </message>
    <message>
        <source>Validations without a better one; 0: off</source>
        <translation>Валидаций подряд без улучшения; 0 — выключено</translation>
    </message>
    <message>
        <source>Smallest gain</source>
        <translation>Наименьший прирост</translation>
    </message>
    <message>
        <source>Nats per token a validation must gain to count as better</source>
        <translation>На сколько нат на токен валидация должна улучшиться, чтобы это засчиталось</translation>
    </message>
    <message>
        <source>Explode factor</source>
        <translation>Порог взрыва</translation>
    </message>
    <message>
        <source>A gradient this many times the usual one stops the run; 0: off</source>
        <translation>Градиент во столько раз больше обычного остановит запуск; 0 — выключено</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>Зерно</translation>
    </message>
    <message>
        <source>Of the first weights and the order of the text</source>
        <translation>Для начальных весов и порядка текста</translation>
    </message>
    <message>
        <source>Cosine</source>
        <translation>Косинус</translation>
    </message>
    <message>
        <source>The paper&apos;s: cosine, halved from the middle on</source>
        <translation>Как в статье: косинус, с середины вдвое ниже</translation>
    </message>
    <message>
        <source>Constant</source>
        <translation>Постоянная</translation>
    </message>
    <message>
        <source>Schedule of the learning rate</source>
        <translation>Расписание скорости обучения</translation>
    </message>
    <message>
        <source>Sche&amp;dule</source>
        <translation>&amp;Расписание</translation>
    </message>
    <message>
        <source>Samples c&amp;ontinue (one a line)</source>
        <translation>&amp;Образцы продолжают (по одному в строке)</translation>
    </message>
    <message>
        <source>Prompts of the samples</source>
        <translation>Промпты образцов</translation>
    </message>
    <message>
        <source>Reset %1</source>
        <translation>Сбросить: %1</translation>
    </message>
    <message>
        <source>%1. Default: %2</source>
        <translation>%1. По умолчанию: %2</translation>
    </message>
    <message>
        <source>Back to %1</source>
        <translation>Вернуть %1</translation>
    </message>
    <message>
        <source>The same run on the command line</source>
        <translation>Тот же запуск в командной строке</translation>
    </message>
    <message>
        <source>Command line</source>
        <translation>Командная строка</translation>
    </message>
    <message>
        <source>&amp;Copy</source>
        <translation>&amp;Копировать</translation>
    </message>
    <message>
        <source>Settings of a run</source>
        <translation>Настройки запуска</translation>
    </message>
    <message>
        <source>Runs (*.json)</source>
        <translation>Запуски (*.json)</translation>
    </message>
    <message>
        <source>The settings were not read</source>
        <translation>Настройки не прочитаны</translation>
    </message>
    <message>
        <source>Save the settings</source>
        <translation>Сохранить настройки</translation>
    </message>
    <message>
        <source>The settings were not saved</source>
        <translation>Настройки не сохранены</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::RunCharts</name>
    <message>
        <source>Loss</source>
        <translation>Потери</translation>
    </message>
    <message>
        <source>Gradient norm</source>
        <translation>Норма градиента</translation>
    </message>
    <message>
        <source>Bits a byte</source>
        <translation>Бит на байт</translation>
    </message>
    <message>
        <source>Learning rate</source>
        <translation>Скорость обучения</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>Скорость</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>Память</translation>
    </message>
    <message>
        <source>nats per token</source>
        <translation>нат на токен</translation>
    </message>
    <message>
        <source>Validation</source>
        <translation>Валидация</translation>
    </message>
    <message>
        <source>bits per byte</source>
        <translation>бит на байт</translation>
    </message>
    <message>
        <source>Norm</source>
        <translation>Норма</translation>
    </message>
    <message>
        <source>Rate</source>
        <translation>Темп</translation>
    </message>
    <message>
        <source>tokens/s</source>
        <translation>ток/с</translation>
    </message>
    <message>
        <source>Resident</source>
        <translation>Резидентная</translation>
    </message>
    <message>
        <source>MiB</source>
        <translation>МиБ</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>Шаги</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Токены</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Время</translation>
    </message>
    <message>
        <source>Horizontal axis</source>
        <translation>Горизонтальная ось</translation>
    </message>
    <message>
        <source>Smoothing</source>
        <translation>Сглаживание</translation>
    </message>
    <message>
        <source>How long the smoothed line remembers; the band holds the raw values</source>
        <translation>Как долго помнит сглаженная линия; полоса содержит исходные значения</translation>
    </message>
    <message>
        <source>&amp;Over</source>
        <translation>&amp;По</translation>
    </message>
    <message>
        <source>S&amp;moothing</source>
        <translation>С&amp;глаживание</translation>
    </message>
    <message>
        <source>wheel: zoom · drag: range · double click: all · T: table</source>
        <translation>колесо: масштаб · мышь: диапазон · двойной щелчок: всё · T: таблица</translation>
    </message>
    <message>
        <source>Waits for the first step</source>
        <translation>Ждёт первого шага</translation>
    </message>
    <message>
        <source>The plot was not saved</source>
        <translation>График не сохранён</translation>
    </message>
    <message>
        <source>Waits for the first validation</source>
        <translation>Ждёт первой валидации</translation>
    </message>
    <message>
        <source>rate %1</source>
        <translation>скорость %1</translation>
    </message>
    <message>
        <source>pause</source>
        <translation>пауза</translation>
    </message>
    <message>
        <source>resumed</source>
        <translation>возобновлено</translation>
    </message>
    <message>
        <source>prompts</source>
        <translation>промпты</translation>
    </message>
    <message>
        <source>cadence</source>
        <translation>частота</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>сбой</translation>
    </message>
    <message>
        <source>Step</source>
        <translation>Шаг</translation>
    </message>
    <message>
        <source>s</source>
        <translation>с</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>training</source>
        <translation>обучение</translation>
    </message>
    <message>
        <source>validation</source>
        <translation>валидация</translation>
    </message>
    <message>
        <source>this run</source>
        <translation>этот запуск</translation>
    </message>
    <message>
        <source>xz -9 on the same text</source>
        <translation>xz -9 на том же тексте</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::RunLibrary</name>
    <message>
        <source>not started</source>
        <translation>не начат</translation>
    </message>
    <message>
        <source>starting</source>
        <translation>начинается</translation>
    </message>
    <message>
        <source>running</source>
        <translation>идёт</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>на паузе</translation>
    </message>
    <message>
        <source>finished</source>
        <translation>завершён</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>остановлен</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>сбой</translation>
    </message>
    <message>
        <source>interrupted</source>
        <translation>прерван</translation>
    </message>
    <message>
        <source>The run could not be made</source>
        <translation>Запуск не удалось создать</translation>
    </message>
    <message>
        <source>Training cannot start</source>
        <translation>Обучение не может начаться</translation>
    </message>
    <message>
        <source>The program “mmfree” was not found beside this one; it does the training.</source>
        <translation>Рядом с этой программой не найдена «mmfree», а обучает именно она.</translation>
    </message>
    <message>
        <source>Training could not start</source>
        <translation>Обучение не началось</translation>
    </message>
    <message>
        <source>The run did not take the command</source>
        <translation>Запуск не принял команду</translation>
    </message>
    <message>
        <source>The run was not renamed</source>
        <translation>Запуск не переименован</translation>
    </message>
    <message>
        <source>The run was not removed</source>
        <translation>Запуск не удалён</translation>
    </message>
    <message>
        <source>The run could not be brought back</source>
        <translation>Запуск не удалось вернуть</translation>
    </message>
    <message>
        <source>The run could not be closed</source>
        <translation>Запуск не удалось закрыть</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::RunTableModel</name>
    <message>
        <source>%1 %2 %</source>
        <translation>%1 %2 %</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>Запуск</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>Статус</translation>
    </message>
    <message>
        <source>Best</source>
        <translation>Лучшее</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>Скорость</translation>
    </message>
    <message>
        <source>Changed</source>
        <translation>Изменён</translation>
    </message>
    <message>
        <source>Backend</source>
        <translation>Бэкенд</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>Метки</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::RunView</name>
    <message>
        <source>Log</source>
        <translation>Журнал</translation>
    </message>
    <message>
        <source>Samples</source>
        <translation>Образцы</translation>
    </message>
    <message>
        <source>Ternary weights</source>
        <translation>Троичные веса</translation>
    </message>
    <message>
        <source>Adjust</source>
        <translation>Подстройка</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::RunsPanel</name>
    <message>
        <source>Runs</source>
        <translation>Запуски</translation>
    </message>
    <message>
        <source>&amp;New run</source>
        <translation>&amp;Новый запуск</translation>
    </message>
    <message>
        <source>Differences of settings</source>
        <translation>Различия настроек</translation>
    </message>
    <message>
        <source>&amp;Chat with it</source>
        <translation>Открыть в &amp;чате</translation>
    </message>
    <message>
        <source>Use its &amp;settings for a new run</source>
        <translation>Взять &amp;настройки для нового запуска</translation>
    </message>
    <message>
        <source>Export &amp;packed model…</source>
        <translation>Экспорт &amp;упакованной модели…</translation>
    </message>
    <message>
        <source>Export &amp;Hugging Face folder…</source>
        <translation>Экспорт папки &amp;Hugging Face…</translation>
    </message>
    <message>
        <source>&amp;Rename and tag…</source>
        <translation>&amp;Имя и метки…</translation>
    </message>
    <message>
        <source>&amp;Delete</source>
        <translation>У&amp;далить</translation>
    </message>
    <message>
        <source>Rename the run</source>
        <translation>Переименовать запуск</translation>
    </message>
    <message>
        <source>Name, then tags with #:</source>
        <translation>Название, затем метки с #:</translation>
    </message>
    <message>
        <source>What differs</source>
        <translation>Что различается</translation>
    </message>
    <message>
        <source>Tick runs to lay their curves over each other and to see what differs.</source>
        <translation>Отметьте запуски, чтобы наложить их кривые и увидеть различия.</translation>
    </message>
    <message>
        <source>Setting</source>
        <translation>Настройка</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::SampleStrip</name>
    <message>
        <source>Samples over the steps</source>
        <translation>Образцы по шагам</translation>
    </message>
    <message>
        <source>step %1</source>
        <translation>шаг %1</translation>
    </message>
    <message>
        <source>Sample at step %1</source>
        <translation>Образец на шаге %1</translation>
    </message>
    <message>
        <source>Samples appear here as the run writes them. “Sample now” asks for some at once.</source>
        <translation>Образцы появляются здесь по мере записи. «Образец сейчас» запрашивает их сразу.</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::SamplingPanel</name>
    <message>
        <source>Temperature</source>
        <translation>Температура</translation>
    </message>
    <message>
        <source>How freely tokens are drawn. 0 always takes the likeliest; 1 follows the model&apos;s own probabilities; above 1 becomes wild.</source>
        <translation>Насколько свободно выбираются токены. 0 — всегда самый вероятный; 1 — по вероятностям самой модели; выше 1 — всё хаотичнее.</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>Only the k likeliest tokens can be drawn. 0 turns this off.</source>
        <translation>Выбор только из k самых вероятных токенов. 0 — выключено.</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Only the likeliest tokens that together reach this probability can be drawn. 1 turns this off.</source>
        <translation>Выбор только из самых вероятных токенов, вместе набирающих эту вероятность. 1 — выключено.</translation>
    </message>
    <message>
        <source>Min-p</source>
        <translation>Min-p</translation>
    </message>
    <message>
        <source>Tokens less likely than this share of the likeliest one are left out. 0 turns this off.</source>
        <translation>Токены с вероятностью ниже этой доли от самого вероятного отбрасываются. 0 — выключено.</translation>
    </message>
    <message>
        <source>Repetition penalty</source>
        <translation>Штраф за повторы</translation>
    </message>
    <message>
        <source>The same seed, text and settings give the same answer. Locked: it stays; open: every answer draws a new one.</source>
        <translation>Одинаковые зерно, текст и настройки дают одинаковый ответ. Закрыто — зерно сохраняется; открыто — для каждого ответа новое.</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>Зерно</translation>
    </message>
    <message>
        <source>Keep this seed</source>
        <translation>Сохранять это зерно</translation>
    </message>
    <message>
        <source>Makes recent tokens less likely. 1 turns this off.</source>
        <translation>Делает недавние токены менее вероятными. 1 отключает.</translation>
    </message>
    <message>
        <source>Penalty looks back</source>
        <translation>Глубина штрафа</translation>
    </message>
    <message>
        <source>Tokens that the repetition penalty looks back. 0 turns it off.</source>
        <translation>На сколько токенов назад смотрит штраф за повторы. 0 отключает его.</translation>
    </message>
    <message>
        <source>Longest answer</source>
        <translation>Длина ответа</translation>
    </message>
    <message>
        <source>Tokens. The answer ends here at the latest; it can be continued.</source>
        <translation>В токенах. Не позже этого ответ кончается; его можно продолжить.</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>Системный промпт</translation>
    </message>
    <message>
        <source>What the model reads before the conversation.</source>
        <translation>Что модель читает до разговора.</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Нет</translation>
    </message>
    <message>
        <source>Stop strings</source>
        <translation>Стоп-строки</translation>
    </message>
    <message>
        <source>One a line. The answer ends before the first that it writes; \n stands for a line break.</source>
        <translation>По одной в строке. Ответ кончается перед первой из них; \n означает перевод строки.</translation>
    </message>
    <message>
        <source>Alternatives kept</source>
        <translation>Хранить вариантов</translation>
    </message>
    <message>
        <source>So many other tokens the model considered are kept with each token of an answer, for the token face. 0 keeps none.</source>
        <translation>Столько других токенов, которые рассматривала модель, хранится с каждым токеном ответа. 0 — не хранить.</translation>
    </message>
    <message>
        <source>Reset this chat&apos;s settings</source>
        <translation>Сбросить настройки чата</translation>
    </message>
    <message>
        <source>Preset</source>
        <translation>Набор</translation>
    </message>
    <message>
        <source>Settings under a name. What this chat sets itself goes before it.</source>
        <translation>Настройки под именем. То, что задано в чате, важнее.</translation>
    </message>
    <message>
        <source>Save these settings as a preset</source>
        <translation>Сохранить эти настройки как набор</translation>
    </message>
    <message>
        <source>Delete this preset</source>
        <translation>Удалить этот набор</translation>
    </message>
    <message>
        <source>Save a preset</source>
        <translation>Сохранение набора</translation>
    </message>
    <message>
        <source>Name of the preset</source>
        <translation>Имя набора</translation>
    </message>
    <message>
        <source>No preset</source>
        <translation>Без набора</translation>
    </message>
    <message>
        <source>Draw a seed and keep it</source>
        <translation>Выбрать зерно и оставить</translation>
    </message>
    <message>
        <source>%1
Token data of all chats: %2</source>
        <translation>%1
Данные токенов всех чатов: %2</translation>
    </message>
    <message>
        <source>random</source>
        <translation>любое</translation>
    </message>
    <message>
        <source>The seed is kept for all answers of this chat</source>
        <translation>Зерно сохраняется для всех ответов чата</translation>
    </message>
    <message>
        <source>Every answer draws a new seed. Press to keep the latest.</source>
        <translation>Каждый ответ берёт новое зерно. Нажмите, чтобы оставить последнее.</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::SettingMarker</name>
    <message>
        <source>model</source>
        <translation>модель</translation>
    </message>
    <message>
        <source>The model&apos;s default</source>
        <translation>Значение модели</translation>
    </message>
    <message>
        <source>preset</source>
        <translation>набор</translation>
    </message>
    <message>
        <source>From the preset “%1”</source>
        <translation>Из набора «%1»</translation>
    </message>
    <message>
        <source>this chat</source>
        <translation>этот чат</translation>
    </message>
    <message>
        <source>Set for this chat. Press to go back to the preset&apos;s or the model&apos;s value.</source>
        <translation>Задано для этого чата. Нажмите, чтобы вернуть значение набора или модели.</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::SetupHeader</name>
    <message>
        <source>empty</source>
        <translation>пусто</translation>
    </message>
    <message>
        <source>working</source>
        <translation>в работе</translation>
    </message>
    <message>
        <source>problem</source>
        <translation>ошибка</translation>
    </message>
    <message>
        <source>ready</source>
        <translation>готов</translation>
    </message>
    <message>
        <source>%1. %2: %3</source>
        <translation>%1. %2: %3</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::SetupPanel</name>
    <message>
        <source>Chat</source>
        <translation>Чат</translation>
    </message>
    <message>
        <source>Long read</source>
        <translation>Длинное чтение</translation>
    </message>
    <message>
        <source>Long write</source>
        <translation>Длинная генерация</translation>
    </message>
    <message>
        <source>Prefill sweep</source>
        <translation>Ряд prefill</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>Сравнение</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>Добавить</translation>
    </message>
    <message>
        <source>Add a contender</source>
        <translation>Добавить участника</translation>
    </message>
    <message>
        <source>Workload</source>
        <translation>Нагрузка</translation>
    </message>
    <message>
        <source>Own lengths</source>
        <translation>Свои длины</translation>
    </message>
    <message>
        <source>Own text</source>
        <translation>Свой текст</translation>
    </message>
    <message>
        <source>Paper: memory and latency by size</source>
        <translation>Как в статье: память и задержка по размеру</translation>
    </message>
    <message>
        <source>Rounds measured; 7 or more give a ratio with a useful interval</source>
        <translation>Измеряемых раундов; при 7 и более у отношения надёжный интервал</translation>
    </message>
    <message>
        <source>The text that all contenders read</source>
        <translation>Текст, который читают все участники</translation>
    </message>
    <message>
        <source>Tokens read</source>
        <translation>Прочитано токенов</translation>
    </message>
    <message>
        <source>Tokens written</source>
        <translation>Написано токенов</translation>
    </message>
    <message>
        <source>Rounds</source>
        <translation>Раунды</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>Запуск</translation>
    </message>
    <message>
        <source>Run the comparison (F5)</source>
        <translation>Запустить сравнение (F5)</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Стоп</translation>
    </message>
    <message>
        <source>Stop; complete rounds are kept (Esc)</source>
        <translation>Остановить; полные раунды сохранятся (Esc)</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>Ход</translation>
    </message>
    <message>
        <source>Compare the others with this one</source>
        <translation>Сравнивать остальных с этим</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>Изменить</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Убрать</translation>
    </message>
    <message>
        <source>baseline</source>
        <translation>базовый</translation>
    </message>
    <message>
        <source>as many %1</source>
        <translation>столько же: %1</translation>
    </message>
    <message>
        <source>emulated</source>
        <translation>эмуляция</translation>
    </message>
    <message>
        <source>%1 parameters</source>
        <translation>параметров: %1</translation>
    </message>
    <message>
        <source>needs %1</source>
        <translation>нужно %1</translation>
    </message>
    <message>
        <source>⚠ Cannot run: %1</source>
        <translation>⚠ Нельзя запустить: %1</translation>
    </message>
    <message>
        <source>The open model on %1</source>
        <translation>Открытая модель на %1</translation>
    </message>
    <message>
        <source>Dense baseline, same number of parameters</source>
        <translation>Плотная модель с тем же числом параметров</translation>
    </message>
    <message>
        <source>Dense baseline, same number of bytes</source>
        <translation>Плотная модель того же размера в байтах</translation>
    </message>
    <message>
        <source>Other model, shape or backend…</source>
        <translation>Другая модель, форма или бэкенд…</translation>
    </message>
    <message>
        <source>Dense baseline</source>
        <translation>Плотная модель</translation>
    </message>
    <message>
        <source>Add a MatMul-free contender first: the dense one takes its size from it.</source>
        <translation>Сначала добавьте участника MatMul-free: плотный берёт размер у него.</translation>
    </message>
    <message>
        <source>Prompts of %1 to %2 tokens, nothing written</source>
        <translation>Промпты от %1 до %2 токенов, без генерации</translation>
    </message>
    <message>
        <source>%1 · %2 left</source>
        <translation>%1 · осталось %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::SetupView</name>
    <message>
        <source>Data</source>
        <translation>Данные</translation>
    </message>
    <message>
        <source>Tokenizer</source>
        <translation>Токенизатор</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Модель</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>Запуск</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::ShortcutsDialog</name>
    <message>
        <source>Help</source>
        <translation>Справка</translation>
    </message>
    <message>
        <source>Open a model: a folder with &lt;b&gt;config.json&lt;/b&gt; and safetensors files, or one packed file. You can also drop it on the window. Then write below and press Enter. Chats are kept as they are written.</source>
        <translation>Откройте модель: папку с &lt;b&gt;config.json&lt;/b&gt; и файлами safetensors или один упакованный файл. Её можно и перетащить в окно. Затем напишите текст внизу и нажмите Enter. Чаты сохраняются по мере написания.</translation>
    </message>
    <message>
        <source>Writing</source>
        <translation>Письмо</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>Отправить</translation>
    </message>
    <message>
        <source>Enter</source>
        <translation>Enter</translation>
    </message>
    <message>
        <source>New line</source>
        <translation>Новая строка</translation>
    </message>
    <message>
        <source>Shift+Enter</source>
        <translation>Shift+Enter</translation>
    </message>
    <message>
        <source>Leave editing</source>
        <translation>Выйти из правки</translation>
    </message>
    <message>
        <source>Esc</source>
        <translation>Esc</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::SizePanel</name>
    <message>
        <source>Memory by size</source>
        <translation>Память по размеру</translation>
    </message>
    <message>
        <source>Latency by size</source>
        <translation>Задержка по размеру</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>Память</translation>
    </message>
    <message>
        <source>GB</source>
        <translation>ГБ</translation>
    </message>
    <message>
        <source>Time to read the prompt</source>
        <translation>Время чтения промпта</translation>
    </message>
    <message>
        <source>ms</source>
        <translation>мс</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>Параметры</translation>
    </message>
    <message>
        <source>billions</source>
        <translation>млрд</translation>
    </message>
    <message>
        <source>Dense, measured</source>
        <translation>Плотная, измерено</translation>
    </message>
    <message>
        <source>MatMul-free, measured</source>
        <translation>MatMul-free, измерено</translation>
    </message>
    <message>
        <source>Dense, computed</source>
        <translation>Плотная, расчёт</translation>
    </message>
    <message>
        <source>MatMul-free, computed</source>
        <translation>MatMul-free, расчёт</translation>
    </message>
    <message>
        <source>Paper: dense 13B (quoted)</source>
        <translation>Статья: плотная 13B (цитата)</translation>
    </message>
    <message>
        <source>Paper: MatMul-free 13B (quoted)</source>
        <translation>Статья: MatMul-free 13B (цитата)</translation>
    </message>
    <message>
        <source>Quoted points are what arXiv:2406.02528 says of 13B on its GPU: 4.19 GB and 695.48 ms against 48.50 GB and 3183.10 ms. They were not measured here. Pale lines are computed before running, also for what was skipped.</source>
        <translation>Точки-цитаты — то, что arXiv:2406.02528 сообщает о 13B на своём GPU: 4,19 ГБ и 695,48 мс против 48,50 ГБ и 3183,10 мс. Здесь они не измерялись. Бледные линии рассчитаны до запуска, в том числе для пропущенного.</translation>
    </message>
    <message>
        <source>Skipped: %1; see Environment for the arithmetic.</source>
        <translation>Пропущено: %1; расчёт см. в разделе «Окружение».</translation>
    </message>
    <message>
        <source>, </source>
        <translation>, </translation>
    </message>
</context>
<context>
    <name>mmfree::gui::Sparkline</name>
    <message>
        <source>Time of each step</source>
        <translation>Время каждого шага</translation>
    </message>
    <message>
        <source>%1 steps, the slowest took %2</source>
        <translation>Шагов: %1, самый долгий %2</translation>
    </message>
    <message>
        <source>fewer than two steps</source>
        <translation>меньше двух шагов</translation>
    </message>
    <message>
        <source>step %1: %2</source>
        <translation>шаг %1: %2</translation>
    </message>
    <message>
        <source>%1 steps</source>
        <translation>шагов: %1</translation>
    </message>
    <message>
        <source>top %1</source>
        <translation>до %1</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::StateView</name>
    <message>
        <source>State</source>
        <translation>Состояние</translation>
    </message>
    <message>
        <source>Gates of a channel</source>
        <translation>Затворы канала</translation>
    </message>
    <message>
        <source>Scale per row</source>
        <translation>Шкала по строкам</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>Слой</translation>
    </message>
    <message>
        <source>Quantity</source>
        <translation>Величина</translation>
    </message>
    <message>
        <source>State h</source>
        <translation>Состояние h</translation>
    </message>
    <message>
        <source>Forget gate f</source>
        <translation>Затвор забывания f</translation>
    </message>
    <message>
        <source>Candidate c</source>
        <translation>Кандидат c</translation>
    </message>
    <message>
        <source>Output gate</source>
        <translation>Выходной затвор</translation>
    </message>
    <message>
        <source>Change of h</source>
        <translation>Изменение h</translation>
    </message>
    <message>
        <source>Left at the picked token</source>
        <translation>Остаток на выбранном токене</translation>
    </message>
    <message>
        <source>Order of channels</source>
        <translation>Порядок каналов</translation>
    </message>
    <message>
        <source>By index</source>
        <translation>По номеру</translation>
    </message>
    <message>
        <source>By half-life</source>
        <translation>По периоду</translation>
    </message>
    <message>
        <source>By change</source>
        <translation>По изменению</translation>
    </message>
    <message>
        <source>By cluster</source>
        <translation>По кластеру</translation>
    </message>
    <message>
        <source>Text or checkpoint</source>
        <translation>Текст или контрольная точка</translation>
    </message>
    <message>
        <source>A</source>
        <translation>A</translation>
    </message>
    <message>
        <source>B</source>
        <translation>B</translation>
    </message>
    <message>
        <source>A − B</source>
        <translation>A − B</translation>
    </message>
    <message>
        <source>Attention head</source>
        <translation>Голова внимания</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>Воспроизвести</translation>
    </message>
    <message>
        <source>Walk through the tokens</source>
        <translation>Пройти по токенам</translation>
    </message>
    <message>
        <source>Write on</source>
        <translation>Писать дальше</translation>
    </message>
    <message>
        <source>Let the model write %1 tokens more and follow its state live</source>
        <translation>Пусть модель напишет ещё %1 токенов, а её состояние видно сразу</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>Токен</translation>
    </message>
    <message>
        <source>The text is being read…</source>
        <translation>Текст читается…</translation>
    </message>
    <message>
        <source>Hold map</source>
        <translation>Карта удержания</translation>
    </message>
    <message>
        <source>Half-life</source>
        <translation>Полузабывание</translation>
    </message>
    <message>
        <source>Match</source>
        <translation>Поиск похожего</translation>
    </message>
    <message>
        <source>A and B</source>
        <translation>A и B</translation>
    </message>
    <message>
        <source>“%1” looks at “%2”: %3 %</source>
        <translation>«%1» смотрит на «%2»: %3 %</translation>
    </message>
    <message>
        <source>channel %1 at “%2”: %3</source>
        <translation>канал %1 на «%2»: %3</translation>
    </message>
    <message>
        <source>This capture takes %1.</source>
        <translation>Этот захват займёт %1.</translation>
    </message>
    <message>
        <source>A large capture</source>
        <translation>Большой захват</translation>
    </message>
    <message>
        <source>Reading this text takes %1 of memory for what is shown. Go on?</source>
        <translation>Чтение этого текста займёт %1 памяти для показа. Продолжить?</translation>
    </message>
    <message>
        <source>Layer %1</source>
        <translation>Слой %1</translation>
    </message>
    <message>
        <source>Mean of heads</source>
        <translation>Среднее по головам</translation>
    </message>
    <message>
        <source>Head %1</source>
        <translation>Голова %1</translation>
    </message>
    <message>
        <source>Attention maps are captured for up to 512 tokens; this text has %1.</source>
        <translation>Карты внимания захватываются не более чем для 512 токенов, в этом тексте их %1.</translation>
    </message>
    <message>
        <source>There is no B yet: see “A and B” at the right.</source>
        <translation>Пока нет B: см. «A и B» справа.</translation>
    </message>
    <message>
        <source>attention</source>
        <translation>внимание</translation>
    </message>
    <message>
        <source>A dense model has no recurrent state: it looks at all earlier tokens again. Rows are tokens, columns the tokens they look at; a row sums to 1. Its cache grows with the text.</source>
        <translation>У плотной модели нет рекуррентного состояния: она каждый раз смотрит на все прежние токены. Строки — токены, столбцы — токены, на которые они смотрят; сумма строки равна 1. Её кэш растёт с текстом.</translation>
    </message>
    <message>
        <source>layer %1 %2</source>
        <translation>слой %1 %2</translation>
    </message>
    <message>
        <source>Channels are rows, tokens columns.</source>
        <translation>Строки — каналы, столбцы — токены.</translation>
    </message>
    <message numerus="yes">
        <source>%n channels: %1.</source>
        <translation>
            <numerusform>%n канал: %1.</numerusform>
            <numerusform>%n канала: %1.</numerusform>
            <numerusform>%n каналов: %1.</numerusform>
        </translation>
    </message>
    <message>
        <source>Show all</source>
        <translation>Показать все</translation>
    </message>
    <message>
        <source>state h</source>
        <translation>состояние h</translation>
    </message>
    <message>
        <source>forget gate f</source>
        <translation>затвор забывания f</translation>
    </message>
    <message>
        <source>candidate c</source>
        <translation>кандидат c</translation>
    </message>
    <message>
        <source>Channel %1 of layer %2</source>
        <translation>Канал %1 слоя %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::StatsPanel</name>
    <message>
        <source>Speed and memory of the latest answer appear here.</source>
        <translation>Здесь появятся скорость и память последнего ответа.</translation>
    </message>
    <message>
        <source>Time to first token</source>
        <translation>Время до первого токена</translation>
    </message>
    <message>
        <source>From sending to the first token of the answer</source>
        <translation>От отправки до первого токена ответа</translation>
    </message>
    <message>
        <source>Reading (prefill)</source>
        <translation>Чтение (prefill)</translation>
    </message>
    <message>
        <source>Tokens of the prompt read per second</source>
        <translation>Сколько токенов промпта читается за секунду</translation>
    </message>
    <message>
        <source>Writing (decode)</source>
        <translation>Генерация (decode)</translation>
    </message>
    <message>
        <source>Tokens written per second, after the first</source>
        <translation>Сколько токенов пишется за секунду после первого</translation>
    </message>
    <message>
        <source>Tokens read</source>
        <translation>Прочитано токенов</translation>
    </message>
    <message>
        <source>Tokens that had to be read for this answer; earlier ones were in the state</source>
        <translation>Токены, прочитанные для этого ответа; более ранние уже были в состоянии</translation>
    </message>
    <message>
        <source>Tokens written</source>
        <translation>Написано токенов</translation>
    </message>
    <message>
        <source>Tokens of this answer</source>
        <translation>Токены этого ответа</translation>
    </message>
    <message>
        <source>Whole sequence</source>
        <translation>Вся последовательность</translation>
    </message>
    <message>
        <source>Tokens of the conversation so far</source>
        <translation>Токены разговора на этот момент</translation>
    </message>
    <message>
        <source>State</source>
        <translation>Состояние</translation>
    </message>
    <message>
        <source>Everything the model remembers of the conversation. A recurrent model&apos;s state has this size whatever the length.</source>
        <translation>Всё, что модель помнит о разговоре. У рекуррентной модели состояние одного размера при любой длине.</translation>
    </message>
    <message>
        <source>Weights</source>
        <translation>Веса</translation>
    </message>
    <message>
        <source>Memory of the packed weights</source>
        <translation>Память под упакованные веса</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>Зерно</translation>
    </message>
    <message>
        <source>Repeats this answer with the same settings</source>
        <translation>Повторяет этот ответ при тех же настройках</translation>
    </message>
    <message>
        <source>Backend</source>
        <translation>Бэкенд</translation>
    </message>
    <message>
        <source>What computed the answer</source>
        <translation>Что вычисляло ответ</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>Модель</translation>
    </message>
    <message>
        <source>The model that wrote the answer</source>
        <translation>Модель, написавшая ответ</translation>
    </message>
    <message>
        <source>nothing to read</source>
        <translation>читать нечего</translation>
    </message>
    <message>
        <source>Reproduce</source>
        <translation>Воспроизвести</translation>
    </message>
    <message>
        <source>Median step</source>
        <translation>Медиана шага</translation>
    </message>
    <message>
        <source>Half of the tokens took at most this long</source>
        <translation>Половина токенов заняла не больше</translation>
    </message>
    <message>
        <source>95th percentile</source>
        <translation>95-й процентиль</translation>
    </message>
    <message>
        <source>95 % of the tokens took at most this long</source>
        <translation>95 % токенов заняли не больше</translation>
    </message>
    <message>
        <source>Workspace</source>
        <translation>Рабочая память</translation>
    </message>
    <message>
        <source>Memory for activations</source>
        <translation>Память под активации</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>Устройство</translation>
    </message>
    <message>
        <source>Instruction set, threads and packing</source>
        <translation>Набор команд, потоки и упаковка</translation>
    </message>
    <message>
        <source>Build</source>
        <translation>Сборка</translation>
    </message>
    <message>
        <source>Version of this program that wrote it</source>
        <translation>Версия программы, написавшей ответ</translation>
    </message>
    <message>
        <source>Time of each decode step; click a spike for its token</source>
        <translation>Время каждого шага; щёлкните пик, чтобы увидеть токен</translation>
    </message>
    <message>
        <source>Copy the command line that writes this answer again</source>
        <translation>Скопировать команду, которая снова напишет этот ответ</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TemplatePanel</name>
    <message>
        <source>Chat template</source>
        <translation>Шаблон чата</translation>
    </message>
    <message>
        <source>What the model reads</source>
        <translation>Что читает модель</translation>
    </message>
    <message>
        <source>A JSON object with the texts around each turn: begin, user_prefix, user_suffix and so on</source>
        <translation>Объект JSON с текстами вокруг реплик: begin, user_prefix, user_suffix и так далее</translation>
    </message>
    <message>
        <source>No model with a tokenizer is open.</source>
        <translation>Модель с токенизатором не открыта.</translation>
    </message>
    <message>
        <source>The template takes longer than %1 seconds to read; the last good one stays in use.</source>
        <translation>Шаблон читается дольше %1 с; действует последний верный.</translation>
    </message>
    <message>
        <source>The template has %1 characters, needed: at most %2</source>
        <translation>В шаблоне %1 знаков, нужно не больше %2</translation>
    </message>
    <message>
        <source>chat template</source>
        <translation>шаблон чата</translation>
    </message>
    <message>
        <source>id %1</source>
        <translation>id %1</translation>
    </message>
    <message>
        <source>What the model reads (the beginning)</source>
        <translation>Что читает модель (начало)</translation>
    </message>
    <message>
        <source>%1
The last good template stays in use.</source>
        <translation>%1
Действует последний верный шаблон.</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TensorTree</name>
    <message>
        <source>Tensors</source>
        <translation>Тензоры</translation>
    </message>
    <message>
        <source>Filter: zero&gt;60 type:f_proj layer:3-5</source>
        <translation>Фильтр: zero&gt;60 type:f_proj layer:3-5</translation>
    </message>
    <message>
        <source>Filter tensors</source>
        <translation>Фильтр тензоров</translation>
    </message>
    <message>
        <source>Words that all must hold. Numbers: %1 with &gt; &lt; &gt;= &lt;= =. Kinds: type:f_proj, layer:3-5, name:part. A word alone is part of the name.</source>
        <translation>Условия, которые должны выполняться все. Числа: %1 с &gt; &lt; &gt;= &lt;= =. Виды: type:f_proj, layer:3-5, name:часть. Отдельное слово — часть имени.</translation>
    </message>
    <message numerus="yes">
        <source>%n tensors</source>
        <translation>
            <numerusform>%n тензор</numerusform>
            <numerusform>%n тензора</numerusform>
            <numerusform>%n тензоров</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of %n tensors</source>
        <translation>
            <numerusform>%1 из %n тензора</numerusform>
            <numerusform>%1 из %n тензоров</numerusform>
            <numerusform>%1 из %n тензоров</numerusform>
        </translation>
    </message>
    <message>
        <source> · measured %1</source>
        <translation> · измерено %1</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TensorTreeModel</name>
    <message>
        <source>Layer %1</source>
        <translation>Слой %1</translation>
    </message>
    <message>
        <source>MLGRU</source>
        <translation>MLGRU</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>Внимание</translation>
    </message>
    <message>
        <source>GLU</source>
        <translation>GLU</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>minus %1 %, zero %2 %, plus %3 %</source>
        <translation>минус %1 %, ноль %2 %, плюс %3 %</translation>
    </message>
    <message>
        <source>Tensor</source>
        <translation>Тензор</translation>
    </message>
    <message>
        <source>Shape</source>
        <translation>Форма</translation>
    </message>
    <message>
        <source>− 0 +</source>
        <translation>− 0 +</translation>
    </message>
    <message>
        <source>Zero</source>
        <translation>Нули</translation>
    </message>
    <message>
        <source>Parameters</source>
        <translation>Параметры</translation>
    </message>
    <message>
        <source>Bytes</source>
        <translation>Байты</translation>
    </message>
    <message>
        <source>Bits</source>
        <translation>Биты</translation>
    </message>
    <message>
        <source>Scale</source>
        <translation>Масштаб</translation>
    </message>
    <message>
        <source>Dead rows</source>
        <translation>Мёртвые строки</translation>
    </message>
    <message>
        <source>Changed</source>
        <translation>Изменён</translation>
    </message>
    <message>
        <source>Name of the tensor</source>
        <translation>Имя тензора</translation>
    </message>
    <message>
        <source>Outputs by inputs</source>
        <translation>Выходы на входы</translation>
    </message>
    <message>
        <source>Shares of the weights −1, 0 and +1</source>
        <translation>Доли весов −1, 0 и +1</translation>
    </message>
    <message>
        <source>Share of zeros</source>
        <translation>Доля нулей</translation>
    </message>
    <message>
        <source>Number of weights</source>
        <translation>Число весов</translation>
    </message>
    <message>
        <source>Bytes as stored</source>
        <translation>Байт в хранении</translation>
    </message>
    <message>
        <source>Stored bits per weight</source>
        <translation>Бит хранения на вес</translation>
    </message>
    <message>
        <source>What −1 and +1 stand for</source>
        <translation>Что означают −1 и +1</translation>
    </message>
    <message>
        <source>Outputs all of whose weights are 0</source>
        <translation>Выходы, у которых все веса равны 0</translation>
    </message>
    <message>
        <source>Weights that differ from the reference checkpoint</source>
        <translation>Веса, отличные от опорной контрольной точки</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TernaryStrip</name>
    <message>
        <source>Each &amp;matrix</source>
        <translation>Каждая &amp;матрица</translation>
    </message>
    <message>
        <source>Share of zeros</source>
        <translation>Доля нулей</translation>
    </message>
    <message>
        <source>Balance of + and −</source>
        <translation>Баланс + и −</translation>
    </message>
    <message>
        <source>Sign flips a step</source>
        <translation>Смен знака за шаг</translation>
    </message>
    <message>
        <source>Zero crossings a step</source>
        <translation>Переходов через ноль за шаг</translation>
    </message>
    <message>
        <source>What the rows show</source>
        <translation>Что показывают строки</translation>
    </message>
    <message>
        <source>Appears when a ternary model has trained for some steps</source>
        <translation>Появится, когда троичная модель поучится несколько шагов</translation>
    </message>
    <message>
        <source>Ternary weights over the steps</source>
        <translation>Троичные веса по шагам</translation>
    </message>
    <message>
        <source>%1, step %2: %3 %4</source>
        <translation>%1, шаг %2: %3 %4</translation>
    </message>
    <message>
        <source>head</source>
        <translation>голова</translation>
    </message>
    <message>
        <source>layer %1</source>
        <translation>слой %1</translation>
    </message>
    <message>
        <source>step</source>
        <translation>шаг</translation>
    </message>
    <message>
        <source>now %1 zeros, %2 of the weights changed in %3 steps</source>
        <translation>сейчас нулей %1; за %3 шагов изменилось %2 весов</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TokenDetails</name>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>excluded by the model</source>
        <translation>исключён моделью</translation>
    </message>
    <message>
        <source>removed by temperature 0</source>
        <translation>убран температурой 0</translation>
    </message>
    <message>
        <source>removed by top-k</source>
        <translation>убран top-k</translation>
    </message>
    <message>
        <source>removed by top-p</source>
        <translation>убран top-p</translation>
    </message>
    <message>
        <source>removed by min-p</source>
        <translation>убран min-p</translation>
    </message>
    <message>
        <source>Continue from here</source>
        <translation>Продолжить отсюда</translation>
    </message>
    <message>
        <source>Force and stop</source>
        <translation>Вставить и стоп</translation>
    </message>
    <message>
        <source>Explore the state here</source>
        <translation>Исследовать состояние</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>Токен</translation>
    </message>
    <message>
        <source>Alternatives</source>
        <translation>Варианты</translation>
    </message>
    <message>
        <source>Probability</source>
        <translation>Вероятность</translation>
    </message>
    <message>
        <source>Sampler</source>
        <translation>Сэмплер</translation>
    </message>
    <message>
        <source>A new branch: the answer up to here, the marked token, and what the model says then (Enter)</source>
        <translation>Новая ветвь: ответ до этого места, выбранный токен и то, что модель скажет дальше (Enter)</translation>
    </message>
    <message>
        <source>A new branch that ends with the marked token</source>
        <translation>Новая ветвь, которая кончается выбранным токеном</translation>
    </message>
    <message>
        <source>No token is selected</source>
        <translation>Токен не выбран</translation>
    </message>
    <message>
        <source>Show an answer as tokens (Ctrl+T) and pick one.</source>
        <translation>Покажите ответ как токены (Ctrl+T) и выберите один.</translation>
    </message>
    <message>
        <source>(end or control token)</source>
        <translation>(конец или управляющий токен)</translation>
    </message>
    <message>
        <source>Token %1, id %2</source>
        <translation>Токен %1, id %2</translation>
    </message>
    <message>
        <source>rank %1</source>
        <translation>место %1</translation>
    </message>
    <message>
        <source>log-probability %1</source>
        <translation>лог-вероятность %1</translation>
    </message>
    <message>
        <source>entropy %1 nats</source>
        <translation>энтропия %1 нат</translation>
    </message>
    <message>
        <source>bytes %1</source>
        <translation>байты %1</translation>
    </message>
    <message>
        <source>chosen by you</source>
        <translation>выбран вами</translation>
    </message>
    <message>
        <source>drawn with %1</source>
        <translation>выбирается с %1</translation>
    </message>
    <message>
        <source>, penalised as a repetition</source>
        <translation>, штраф за повтор</translation>
    </message>
    <message>
        <source>%1 (written)</source>
        <translation>%1 (написан)</translation>
    </message>
    <message>
        <source>Worked out again for the present settings; the repetition penalty is as it was when the token was written.</source>
        <translation>Пересчитано для нынешних настроек; штраф за повторы — как при написании токена.</translation>
    </message>
    <message>
        <source>The model&apos;s own probabilities; what the sampler did is at the right.</source>
        <translation>Вероятности самой модели; что сделал сэмплер — справа.</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TokenFace</name>
    <message>
        <source>100 %</source>
        <translation>100 %</translation>
    </message>
    <message>
        <source>50 %</source>
        <translation>50 %</translation>
    </message>
    <message>
        <source>0 %</source>
        <translation>0 %</translation>
    </message>
    <message>
        <source>0 nats</source>
        <translation>0 нат</translation>
    </message>
    <message>
        <source>8 or more</source>
        <translation>8 и больше</translation>
    </message>
    <message>
        <source>5 or more</source>
        <translation>5 и больше</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Legend: no tint is %1, full tint is %2</source>
        <translation>Легенда: без окраски — %1, полная окраска — %2</translation>
    </message>
    <message>
        <source>Probability</source>
        <translation>Вероятность</translation>
    </message>
    <message>
        <source>Surprisal</source>
        <translation>Неожиданность</translation>
    </message>
    <message>
        <source>Entropy</source>
        <translation>Энтропия</translation>
    </message>
    <message>
        <source>Top-2 margin</source>
        <translation>Отрыв от второго</translation>
    </message>
    <message>
        <source>%1 nats</source>
        <translation>%1 нат</translation>
    </message>
    <message>
        <source>not among the kept alternatives</source>
        <translation>нет среди хранимых вариантов</translation>
    </message>
    <message>
        <source>Dotted underline: below 10 %</source>
        <translation>Точечное подчёркивание: ниже 10 %</translation>
    </message>
    <message>
        <source>No tokens were kept for this message.</source>
        <translation>Токены этого сообщения не сохранены.</translation>
    </message>
    <message>
        <source>Tint tokens by</source>
        <translation>Окраска токенов</translation>
    </message>
    <message>
        <source>What the tint of a token shows</source>
        <translation>Что показывает окраска токена</translation>
    </message>
    <message>
        <source>end</source>
        <translation>конец</translation>
    </message>
    <message>
        <source>Dotted underline: above 2.3 nats</source>
        <translation>Точечное подчёркивание: выше 2,3 нат</translation>
    </message>
    <message>
        <source>%1: %2, chosen by you</source>
        <translation>%1: %2, выбран вами</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TokenStrip</name>
    <message>
        <source>Tokens</source>
        <translation>Токены</translation>
    </message>
    <message>
        <source>Token %1 of %2: %3</source>
        <translation>Токен %1 из %2: %3</translation>
    </message>
    <message>
        <source>Token %1: %2</source>
        <translation>Токен %1: %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TokenizerCard</name>
    <message>
        <source>&amp;Choose…</source>
        <translation>&amp;Выбрать…</translation>
    </message>
    <message>
        <source>&amp;Train one on this text</source>
        <translation>&amp;Обучить на этом тексте</translation>
    </message>
    <message>
        <source>The &amp;starting model&apos;s</source>
        <translation>Из &amp;исходной модели</translation>
    </message>
    <message>
        <source>Another &amp;model&apos;s</source>
        <translation>Из &amp;другой модели</translation>
    </message>
    <message>
        <source>Pieces</source>
        <translation>Фрагменты</translation>
    </message>
    <message>
        <source>Words and parts of words the model knows, the 256 bytes included. More pieces: shorter texts, larger model.</source>
        <translation>Слова и части слов, которые знает модель, включая 256 байт. Больше фрагментов — короче тексты, больше модель.</translation>
    </message>
    <message>
        <source>e.g. &lt;user&gt; &lt;assistant&gt;</source>
        <translation>напр. &lt;user&gt; &lt;assistant&gt;</translation>
    </message>
    <message>
        <source>Markup kept whole</source>
        <translation>Цельная разметка</translation>
    </message>
    <message>
        <source>Model folder or packed file</source>
        <translation>Папка модели или упакованный файл</translation>
    </message>
    <message>
        <source>Model whose tokenizer is used</source>
        <translation>Модель, чей токенизатор берётся</translation>
    </message>
    <message>
        <source>&amp;Pieces</source>
        <translation>&amp;Фрагменты</translation>
    </message>
    <message>
        <source>Markup &amp;kept whole</source>
        <translation>&amp;Цельная разметка</translation>
    </message>
    <message>
        <source>All of them, bytes and markup included</source>
        <translation>Всего, включая байты и разметку</translation>
    </message>
    <message>
        <source>Bytes a token</source>
        <translation>Байт на токен</translation>
    </message>
    <message>
        <source>On the validation text: more is shorter</source>
        <translation>На тексте валидации: больше — значит короче</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Токены</translation>
    </message>
    <message>
        <source>To learn from and to check on</source>
        <translation>Для обучения и для проверки</translation>
    </message>
    <message>
        <source>Round trip</source>
        <translation>Туда и обратно</translation>
    </message>
    <message>
        <source>Encoding and decoding gives the same text</source>
        <translation>Кодирование и декодирование дают тот же текст</translation>
    </message>
    <message>
        <source>Took</source>
        <translation>Заняло</translation>
    </message>
    <message>
        <source>Training it and encoding the text</source>
        <translation>Его обучение и кодирование текста</translation>
    </message>
    <message>
        <source>Longest pieces learned</source>
        <translation>Самые длинные фрагменты</translation>
    </message>
    <message>
        <source>Model folder</source>
        <translation>Папка модели</translation>
    </message>
    <message>
        <source>%1 and %2</source>
        <translation>%1 и %2</translation>
    </message>
    <message>
        <source>exact</source>
        <translation>точно</translation>
    </message>
    <message>
        <source>changes white space or unknown characters</source>
        <translation>меняет пробелы или неизвестные символы</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TrainingPage</name>
    <message>
        <source>The settings were not read</source>
        <translation>Настройки не прочитаны</translation>
    </message>
    <message>
        <source>Train</source>
        <translation>Обучение</translation>
    </message>
    <message>
        <source>&amp;Start</source>
        <translation>&amp;Начать</translation>
    </message>
    <message>
        <source>F5</source>
        <translation>F5</translation>
    </message>
    <message>
        <source>Start the run, or go on where it stands</source>
        <translation>Начать запуск или продолжить с того же места</translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation>&amp;Пауза</translation>
    </message>
    <message>
        <source>F8</source>
        <translation>F8</translation>
    </message>
    <message>
        <source>Wait with everything loaded</source>
        <translation>Ждать, ничего не выгружая</translation>
    </message>
    <message>
        <source>One s&amp;tep</source>
        <translation>Один &amp;шаг</translation>
    </message>
    <message>
        <source>F7</source>
        <translation>F7</translation>
    </message>
    <message>
        <source>Make one step, then wait</source>
        <translation>Сделать один шаг и ждать</translation>
    </message>
    <message>
        <source>St&amp;op</source>
        <translation>С&amp;топ</translation>
    </message>
    <message>
        <source>Shift+F5</source>
        <translation>Shift+F5</translation>
    </message>
    <message>
        <source>Save a checkpoint and end</source>
        <translation>Сохранить контрольную точку и закончить</translation>
    </message>
    <message>
        <source>Sa&amp;ve now</source>
        <translation>&amp;Сохранить сейчас</translation>
    </message>
    <message>
        <source>Ctrl+S</source>
        <translation>Ctrl+S</translation>
    </message>
    <message>
        <source>Write a checkpoint now</source>
        <translation>Записать контрольную точку сейчас</translation>
    </message>
    <message>
        <source>Sample &amp;now</source>
        <translation>Образец се&amp;йчас</translation>
    </message>
    <message>
        <source>Ctrl+G</source>
        <translation>Ctrl+G</translation>
    </message>
    <message>
        <source>Write sample texts now</source>
        <translation>Написать образцы сейчас</translation>
    </message>
    <message>
        <source>&amp;Chat with it</source>
        <translation>Открыть в &amp;чате</translation>
    </message>
    <message>
        <source>Ctrl+Shift+C</source>
        <translation>Ctrl+Shift+C</translation>
    </message>
    <message>
        <source>Chat with the weights as they are now</source>
        <translation>Открыть нынешние веса в чате</translation>
    </message>
    <message>
        <source>&amp;Look inside</source>
        <translation>&amp;Заглянуть внутрь</translation>
    </message>
    <message>
        <source>Ctrl+Shift+E</source>
        <translation>Ctrl+Shift+E</translation>
    </message>
    <message>
        <source>Open the weights as they are now in the explorer</source>
        <translation>Открыть нынешние веса в исследователе</translation>
    </message>
    <message>
        <source>A run was interrupted</source>
        <translation>Запуск был прерван</translation>
    </message>
    <message>
        <source>&amp;Resume</source>
        <translation>&amp;Возобновить</translation>
    </message>
    <message>
        <source>O&amp;pen</source>
        <translation>&amp;Открыть</translation>
    </message>
    <message>
        <source>Discar&amp;d</source>
        <translation>О&amp;тбросить</translation>
    </message>
    <message>
        <source>Goes on from the newest checkpoint</source>
        <translation>Продолжить с новейшей контрольной точки</translation>
    </message>
    <message>
        <source>Only shows the run</source>
        <translation>Только показать запуск</translation>
    </message>
    <message>
        <source>Leaves out the steps after the newest checkpoint and counts the run as stopped</source>
        <translation>Отбросить шаги после новейшей контрольной точки и считать запуск остановленным</translation>
    </message>
    <message>
        <source>“%1” ended at step %2 without a word (power cut?). Its newest checkpoint is of step %3.</source>
        <translation>«%1» оборвался на шаге %2 (сбой питания?). Его новейшая контрольная точка — шаг %3.</translation>
    </message>
    <message>
        <source>“%1” ended at step %2 without a word (power cut?), before its first checkpoint.</source>
        <translation>«%1» оборвался на шаге %2 (сбой питания?), до первой контрольной точки.</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>Запуск</translation>
    </message>
    <message>
        <source>There is not enough space for this run</source>
        <translation>Для этого запуска не хватает места</translation>
    </message>
    <message>
        <source>The weights could not be opened</source>
        <translation>Веса не удалось открыть</translation>
    </message>
    <message>
        <source>“%1” was deleted</source>
        <translation>Чат «%1» удалён</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Вернуть</translation>
    </message>
    <message>
        <source>Export the packed model</source>
        <translation>Экспорт упакованной модели</translation>
    </message>
    <message>
        <source>Models (*.safetensors)</source>
        <translation>Модели (*.safetensors)</translation>
    </message>
    <message>
        <source>Export as a Hugging Face folder</source>
        <translation>Экспорт в папку Hugging Face</translation>
    </message>
    <message>
        <source>The model was not exported</source>
        <translation>Модель не экспортирована</translation>
    </message>
    <message>
        <source>The model was exported</source>
        <translation>Модель экспортирована</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TrainingSetup</name>
    <message>
        <source>%1 has no tokenizer</source>
        <translation>У %1 нет токенизатора</translation>
    </message>
    <message>
        <source>Opening the model…</source>
        <translation>Модель открывается…</translation>
    </message>
    <message>
        <source>The model has %1 pieces, the tokenizer %2</source>
        <translation>У модели фрагментов: %1, у токенизатора: %2</translation>
    </message>
    <message>
        <source>Needs %1 of memory; this machine has %2</source>
        <translation>Нужно %1 памяти, у этого компьютера %2</translation>
    </message>
    <message>
        <source>%1 parameters</source>
        <translation>параметров: %1</translation>
    </message>
    <message>
        <source>%1 · measuring…</source>
        <translation>%1 · замер…</translation>
    </message>
    <message>
        <source>The text has %1 tokens, a sequence %2</source>
        <translation>В тексте токенов: %1, в последовательности: %2</translation>
    </message>
    <message>
        <source>A sequence has %1 tokens, the model takes %2</source>
        <translation>В последовательности токенов: %1, модель принимает %2</translation>
    </message>
    <message>
        <source>%1 steps · %2 tokens</source>
        <translation>шагов: %1 · токенов: %2</translation>
    </message>
    <message>
        <source>about %1</source>
        <translation>около %1</translation>
    </message>
    <message>
        <source>Drop text files here, or take a sample</source>
        <translation>Перетащите сюда текстовые файлы или возьмите образец</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>Чтение…</translation>
    </message>
    <message>
        <source>No text is left for training</source>
        <translation>Для обучения не осталось текста</translation>
    </message>
    <message>
        <source>1 file · %1</source>
        <translation>1 файл · %1</translation>
    </message>
    <message>
        <source>%1 files · %2</source>
        <translation>файлов: %1 · %2</translation>
    </message>
    <message>
        <source>Training…</source>
        <translation>Обучение…</translation>
    </message>
    <message>
        <source>Encoding…</source>
        <translation>Кодирование…</translation>
    </message>
    <message>
        <source>Choose a model that has one</source>
        <translation>Выберите модель, у которой он есть</translation>
    </message>
    <message>
        <source>Waits for data</source>
        <translation>Ждёт данных</translation>
    </message>
    <message>
        <source>%1 pieces · %2 bytes a token</source>
        <translation>фрагментов: %1 · байт на токен: %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TranscriptView</name>
    <message>
        <source>New text</source>
        <translation>Новый текст</translation>
    </message>
    <message>
        <source>Conversation</source>
        <translation>Разговор</translation>
    </message>
    <message>
        <source>Go to the end of the conversation (End)</source>
        <translation>К концу разговора (End)</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::TwinPanel</name>
    <message>
        <source>Another text for B; Enter reads it</source>
        <translation>Другой текст для B; Enter — прочитать</translation>
    </message>
    <message>
        <source>Text B</source>
        <translation>Текст B</translation>
    </message>
    <message>
        <source>B is the text above, read by the same model. A−B compares tokens at the same place.</source>
        <translation>B — текст выше, прочитанный той же моделью. A−B сравнивает токены на одном месте.</translation>
    </message>
    <message>
        <source>A is the text in the strip. Give a second text here, or choose a checkpoint with “Compare with…” above: it reads the same text as B. Then switch to B or A−B.</source>
        <translation>A — текст в полосе. Введите здесь второй текст или выберите контрольную точку через «Сравнить с…» выше: она прочитает тот же текст как B. Затем переключитесь на B или A−B.</translation>
    </message>
    <message>
        <source>B is the same text, read by %1.</source>
        <translation>B — тот же текст, прочитанный %1.</translation>
    </message>
    <message>
        <source>Text B cannot be read</source>
        <translation>Текст B не читается</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::WeightsView</name>
    <message>
        <source>Weights</source>
        <translation>Веса</translation>
    </message>
    <message>
        <source>Profile</source>
        <translation>Профиль</translation>
    </message>
    <message>
        <source>What is shown</source>
        <translation>Что показано</translation>
    </message>
    <message>
        <source>Order of rows</source>
        <translation>Порядок строк</translation>
    </message>
    <message>
        <source>Rows as they are</source>
        <translation>Строки как есть</translation>
    </message>
    <message>
        <source>Rows by balance</source>
        <translation>Строки по балансу</translation>
    </message>
    <message>
        <source>Rows by zeros</source>
        <translation>Строки по нулям</translation>
    </message>
    <message>
        <source>Show weights of −1</source>
        <translation>Показывать веса −1</translation>
    </message>
    <message>
        <source>Show weights of +1</source>
        <translation>Показывать веса +1</translation>
    </message>
    <message>
        <source>Pick a tensor in the tree.</source>
        <translation>Выберите тензор в дереве.</translation>
    </message>
    <message>
        <source>Row %1</source>
        <translation>Строка %1</translation>
    </message>
    <message>
        <source>Column</source>
        <translation>Столбец</translation>
    </message>
    <message>
        <source>Column %1</source>
        <translation>Столбец %1</translation>
    </message>
    <message>
        <source>Row</source>
        <translation>Строка</translation>
    </message>
    <message>
        <source>Needs a training checkpoint: packed files hold no latent weights.</source>
        <translation>Нужна контрольная точка обучения: в упакованных файлах нет латентных весов.</translation>
    </message>
    <message>
        <source>Signs</source>
        <translation>Знаки</translation>
    </message>
    <message>
        <source>Latent weights</source>
        <translation>Латентные веса</translation>
    </message>
    <message>
        <source>Margin to flip</source>
        <translation>Запас до смены знака</translation>
    </message>
    <message>
        <source>Difference</source>
        <translation>Различие</translation>
    </message>
    <message>
        <source>Needs a reference checkpoint (Compare with…).</source>
        <translation>Нужна опорная контрольная точка (Сравнить с…).</translation>
    </message>
    <message>
        <source>Packed bytes</source>
        <translation>Упакованные байты</translation>
    </message>
    <message>
        <source>Values</source>
        <translation>Значения</translation>
    </message>
    <message>
        <source>outputs</source>
        <translation>выходы</translation>
    </message>
    <message>
        <source>inputs</source>
        <translation>входы</translation>
    </message>
    <message>
        <source>cell (%1, %2)</source>
        <translation>ячейка (%1, %2)</translation>
    </message>
    <message>
        <source>%1: %2 → %3</source>
        <translation>%1: %2 → %3</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source> · latent %1 · margin %2</source>
        <translation> · латентный %1 · запас %2</translation>
    </message>
    <message>
        <source>byte (%1, %2): 0x%3 · weights%4</source>
        <translation>байт (%1, %2): 0x%3 · веса%4</translation>
    </message>
    <message>
        <source>%1: −1 %2 % · 0 %3 % · +1 %4 % of %5 weights · entropy %6 bits</source>
        <translation>%1: −1 %2 % · 0 %3 % · +1 %4 % из %5 весов · энтропия %6 бит</translation>
    </message>
    <message>
        <source>%1 × %2 selected</source>
        <translation>выделено %1 × %2</translation>
    </message>
    <message>
        <source>%1: mean %2, deviation %3</source>
        <translation>%1: среднее %2, отклонение %3</translation>
    </message>
    <message>
        <source>Whole matrix</source>
        <translation>Вся матрица</translation>
    </message>
    <message>
        <source> · scale %1</source>
        <translation> · масштаб %1</translation>
    </message>
    <message>
        <source>%1 × %2 values</source>
        <translation>значений: %1 × %2</translation>
    </message>
</context>
<context>
    <name>mmfree::gui::WhatIfView</name>
    <message>
        <source>Edited weights</source>
        <translation>Изменённые веса</translation>
    </message>
    <message>
        <source>Zero rows</source>
        <translation>Обнулить строки</translation>
    </message>
    <message>
        <source>Set the selected rows to 0</source>
        <translation>Обнулить выделенные строки</translation>
    </message>
    <message>
        <source>Invert rows</source>
        <translation>Обратить строки</translation>
    </message>
    <message>
        <source>Swap −1 and +1 in the selected rows</source>
        <translation>Поменять −1 и +1 в выделенных строках</translation>
    </message>
    <message>
        <source>Randomise</source>
        <translation>Перемешать</translation>
    </message>
    <message>
        <source>Change this share of the selected cells (all without a selection) to another value</source>
        <translation>Заменить эту долю выделенных ячеек (без выделения — всех) другим значением</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Вернуть</translation>
    </message>
    <message>
        <source>Undo (Ctrl+Z)</source>
        <translation>Отменить (Ctrl+Z)</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>Повторить</translation>
    </message>
    <message>
        <source>Redo (Ctrl+Shift+Z)</source>
        <translation>Повторить (Ctrl+Shift+Z)</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>Сохранить как…</translation>
    </message>
    <message>
        <source>Write the modified copy as a packed model</source>
        <translation>Записать изменённую копию как упакованную модель</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Отбросить</translation>
    </message>
    <message>
        <source>Forget all changes</source>
        <translation>Отбросить все изменения</translation>
    </message>
    <message>
        <source> %</source>
        <translation> %</translation>
    </message>
    <message>
        <source>Share to randomise</source>
        <translation>Доля для перемешивания</translation>
    </message>
    <message>
        <source>Pick a ternary tensor in the tree.</source>
        <translation>Выберите троичный тензор в дереве.</translation>
    </message>
    <message>
        <source>Save the modified copy</source>
        <translation>Сохранить изменённую копию</translation>
    </message>
    <message>
        <source>Packed models (*.safetensors)</source>
        <translation>Упакованные модели (*.safetensors)</translation>
    </message>
    <message>
        <source>Next token</source>
        <translation>Следующий токен</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>Токен</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>До</translation>
    </message>
    <message>
        <source>After</source>
        <translation>После</translation>
    </message>
    <message>
        <source>Change</source>
        <translation>Изменить</translation>
    </message>
    <message>
        <source>Next tokens before and after</source>
        <translation>Следующие токены до и после</translation>
    </message>
    <message>
        <source>Channels of the state</source>
        <translation>Каналы состояния</translation>
    </message>
    <message>
        <source>Channels, for example 3, 17-20</source>
        <translation>Каналы, например 3, 17-20</translation>
    </message>
    <message>
        <source>Channels</source>
        <translation>Каналы</translation>
    </message>
    <message>
        <source>Forget: nothing is carried over</source>
        <translation>Забыть: ничего не переносится</translation>
    </message>
    <message>
        <source>Freeze: what is carried over stays</source>
        <translation>Заморозить: перенесённое остаётся</translation>
    </message>
    <message>
        <source>What happens to the channels</source>
        <translation>Что происходит с каналами</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>Добавить</translation>
    </message>
    <message>
        <source>In the picked layer, from the picked token on</source>
        <translation>В выбранном слое, начиная с выбранного токена</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Убрать</translation>
    </message>
    <message>
        <source>Changes of the state</source>
        <translation>Изменения состояния</translation>
    </message>
    <message>
        <source>Only ternary tensors are edited</source>
        <translation>Править можно только троичные тензоры</translation>
    </message>
    <message>
        <source>Signs</source>
        <translation>Знаки</translation>
    </message>
    <message>
        <source>Click or Enter turns a cell: − → 0 → +. Shift and drag selects rows.</source>
        <translation>Щелчок или Enter меняет ячейку: − → 0 → +. Shift и мышь выделяют строки.</translation>
    </message>
    <message>
        <source>turn a weight</source>
        <translation>сменить вес</translation>
    </message>
    <message>
        <source>zero rows</source>
        <translation>обнулить строки</translation>
    </message>
    <message>
        <source>invert rows</source>
        <translation>обратить строки</translation>
    </message>
    <message>
        <source>randomise</source>
        <translation>перемешать</translation>
    </message>
    <message>
        <source>Layer %1: forget channels %2 from “%3” on</source>
        <translation>Слой %1: забыть каналы %2 начиная с «%3»</translation>
    </message>
    <message>
        <source>Layer %1: freeze channels %2 from “%3” on</source>
        <translation>Слой %1: заморозить каналы %2 начиная с «%3»</translation>
    </message>
    <message>
        <source>Modified copy: %1 weights differ from the file.</source>
        <translation>Изменённая копия: от файла отличается весов: %1.</translation>
    </message>
    <message>
        <source>The weights are as in the file; the state is changed while reading.</source>
        <translation>Веса как в файле; состояние меняется при чтении.</translation>
    </message>
    <message>
        <source>Edits are made on a copy in memory; the file stays as it is.</source>
        <translation>Правки вносятся в копию в памяти; файл не меняется.</translation>
    </message>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Divergence (KL) of the next token %1 nats. Loss on the text %2 before, %3 after, change %4 nats per token.</source>
        <translation>Расхождение (KL) следующего токена %1 нат. Потери на тексте: до %2, после %3, изменение %4 нат на токен.</translation>
    </message>
    <message>
        <source>Goes on before: %1
and after: %2</source>
        <translation>Продолжение до: %1
и после: %2</translation>
    </message>
    <message>
        <source>Saved as %1.</source>
        <translation>Сохранено как %1.</translation>
    </message>
</context>
</TS>
