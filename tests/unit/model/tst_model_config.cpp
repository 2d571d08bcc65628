// config.json of both families: what is read, what is refused and how the refusal reads, and the named
// shapes.
#include "engine/model/model_config.h"
#include "tests/support/expect_error.h"

#include <nlohmann/json.hpp>

#include <QtTest>

using namespace mmfree;
using nlohmann::json;

namespace
{

json smallMatMulFree()
{
    return {{"model_type", "hgrn_bit"}, {"vocab_size", 320},        {"hidden_size", 64},
            {"num_hidden_layers", 3},   {"intermediate_size", 192}, {"hidden_act", "swish"}};
}

json smallTransformer()
{
    return {{"model_type", "llama"},  {"vocab_size", 320},        {"hidden_size", 64},
            {"num_hidden_layers", 3}, {"intermediate_size", 192}, {"num_attention_heads", 4},
            {"hidden_act", "silu"}};
}

ModelConfig parse(const json& object)
{
    return parseModelConfig(object.dump(), "DIR/config.json");
}

json withField(json object, const char* field, const json& value)
{
    object[field] = value;
    return object;
}

} // namespace

class TestModelConfig : public QObject
{
    Q_OBJECT

private slots:
    void matMulFreeFieldsAreRead();
    void transformerFieldsAreRead();
    void nullIntermediateSizeFollowsThePublishedRule();
    void endTokensMayBeAList();
    void writtenConfigurationsReadBack_data();
    void writtenConfigurationsReadBack();
    void badFieldsAreNamed_data();
    void badFieldsAreNamed();
    void badTextIsRefused_data();
    void badTextIsRefused();
    void namedShapesHaveTheirPublishedSizes();
    void shapesMayBeWrittenOut();
    void badShapesThrow_data();
    void badShapesThrow();
};

void TestModelConfig::matMulFreeFieldsAreRead()
{
    json object = smallMatMulFree();
    object.update(
        {{"rms_norm_eps", 1e-5}, {"bos_token_id", 3}, {"eos_token_id", nullptr}, {"unknown_field", {1, 2}}});
    const ModelConfig config = parse(object);
    QVERIFY(config.isTernary());
    QCOMPARE(config.vocabularySize, 320);
    QCOMPARE(config.hiddenSize, 64);
    QCOMPARE(config.layerCount, 3);
    QCOMPARE(config.intermediateSize, 192);
    QCOMPARE(config.rmsNormEps, 1e-5f);
    QCOMPARE(config.bosTokenId, 3);
    QCOMPARE(config.eosTokenId, -1);
    QCOMPARE(config.maxPositions, 0);
}

void TestModelConfig::transformerFieldsAreRead()
{
    json object = smallTransformer();
    object.update({{"num_key_value_heads", 2},
                   {"rope_theta", 500000},
                   {"max_position_embeddings", 4096},
                   {"tie_word_embeddings", true},
                   {"head_dim", 16},
                   {"rope_scaling", nullptr}});
    const ModelConfig config = parse(object);
    QVERIFY(!config.isTernary());
    QCOMPARE(config.headCount, 4);
    QCOMPARE(config.keyValueHeadCount, 2);
    QCOMPARE(config.headSize(), 16);
    QCOMPARE(config.ropeTheta, 500000.0f);
    QCOMPARE(config.maxPositions, 4096);
    QVERIFY(config.tieEmbeddings);

    const ModelConfig standard = parse(smallTransformer());
    QCOMPARE(standard.keyValueHeadCount, 4);
    QCOMPARE(standard.ropeTheta, 10000.0f);
    QCOMPARE(standard.maxPositions, 2048);
    QVERIFY(!standard.tieEmbeddings);
}

void TestModelConfig::nullIntermediateSizeFollowsThePublishedRule()
{
    QCOMPARE(defaultIntermediateSize(1024), 2816);
    QCOMPARE(defaultIntermediateSize(2048), 5632);
    QCOMPARE(defaultIntermediateSize(2560), 6912);
    QCOMPARE(defaultIntermediateSize(64), 256);
    json object = smallMatMulFree();
    object["hidden_size"] = 1024;
    object["intermediate_size"] = nullptr;
    object["hidden_ratio"] = nullptr;
    QCOMPARE(parse(object).intermediateSize, 2816);
    object["hidden_ratio"] = 2;
    QCOMPARE(parse(object).intermediateSize, 1536);
}

void TestModelConfig::endTokensMayBeAList()
{
    QCOMPARE(parse(withField(smallTransformer(), "eos_token_id", {7, 9})).eosTokenId, 7);
    QCOMPARE(parse(withField(smallTransformer(), "eos_token_id", json::array())).eosTokenId, -1);
}

void TestModelConfig::writtenConfigurationsReadBack_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addRow("MatMul-free") << QByteArray::fromStdString(smallMatMulFree().dump());
    QTest::addRow("no special tokens") << QByteArray::fromStdString(
        withField(withField(smallMatMulFree(), "bos_token_id", nullptr), "eos_token_id", nullptr).dump());
    QTest::addRow("odd epsilon") << QByteArray::fromStdString(
        withField(smallMatMulFree(), "rms_norm_eps", 3.3e-7).dump());
    QTest::addRow("transformer") << QByteArray::fromStdString(smallTransformer().dump());
    QTest::addRow("tied transformer")
        << QByteArray::fromStdString(withField(smallTransformer(), "tie_word_embeddings", true).dump());
}

void TestModelConfig::writtenConfigurationsReadBack()
{
    QFETCH(QByteArray, text);
    const ModelConfig config = parseModelConfig(text.toStdString(), "a");
    const json written = modelConfigToJson(config, "bfloat16");
    QVERIFY(parseModelConfig(written.dump(), "b") == config);
    QCOMPARE(written["torch_dtype"].get<std::string>(), std::string("bfloat16"));
    QCOMPARE(written["architectures"][0].get<std::string>(),
             std::string(config.isTernary() ? "HGRNBitForCausalLM" : "LlamaForCausalLM"));
}

void TestModelConfig::badFieldsAreNamed_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("field");
    QTest::addColumn<QByteArray>("found");
    const auto row = [](const char* name, const json& object, const char* field, const char* found) {
        QTest::addRow("%s", name) << QByteArray::fromStdString(object.dump()) << QByteArray(field)
                                  << QByteArray(found);
    };
    const auto matMulFree = [&](const char* field, const json& value, const char* found) {
        row(qPrintable(QString("hgrn_bit %1 %2").arg(field, found)),
            withField(smallMatMulFree(), field, value), field, found);
    };
    const auto transformer = [&](const char* field, const json& value, const char* found) {
        row(qPrintable(QString("llama %1 %2").arg(field, found)), withField(smallTransformer(), field, value),
            field, found);
    };
    row("no model_type", json::object(), "model_type", "missing");
    matMulFree("model_type", "mamba", "\"mamba\"");
    matMulFree("model_type", 7, "7");
    for (const char* field : {"vocab_size", "hidden_size", "num_hidden_layers"}) {
        matMulFree(field, nullptr, "missing");
        matMulFree(field, "64", "\"64\"");
        matMulFree(field, 64.0, "64.0");
        matMulFree(field, 0, "0");
        matMulFree(field, -64, "-64");
        matMulFree(field, 16777216, "16777216");
        matMulFree(field, 18446744073709551615ull, "18446744073709551615");
        matMulFree(field, json::array({64}), "[64]");
        matMulFree(field, json::object(), "an object");
        matMulFree(field, true, "true");
    }
    matMulFree("num_hidden_layers", 5000, "5000");
    matMulFree("intermediate_size", -1, "-1");
    matMulFree("hidden_ratio", 0, "0");
    matMulFree("rms_norm_eps", 0, "0");
    matMulFree("rms_norm_eps", -1e-6, "-1e-06");
    matMulFree("rms_norm_eps", "1e-6", "\"1e-6\"");
    matMulFree("rms_norm_eps", 2.0, "2.0");
    matMulFree("bos_token_id", 320, "320");
    matMulFree("eos_token_id", -2, "-2");
    matMulFree("eos_token_id", "</s>", "\"</s>\"");
    matMulFree("use_short_conv", true, "true");
    matMulFree("use_short_conv", 1, "1");
    matMulFree("use_lower_bound", false, "false");
    matMulFree("tie_word_embeddings", true, "true");
    matMulFree("expand_ratio", 2, "2");
    matMulFree("expand_ratio", 1.5, "1.5");
    matMulFree("num_heads", 4, "4");
    matMulFree("hidden_act", "gelu", "\"gelu\"");
    matMulFree("quantization_config", {{"bits", 4}}, "an object");
    transformer("quantization_config", {{"bits", 4}}, "an object");
    transformer("rope_scaling", {{"type", "linear"}, {"factor", 2}}, "an object");
    transformer("rope_parameters", {{"rope_type", "yarn"}}, "rope_type is \"yarn\"");
    transformer("rope_theta", 0, "0");
    transformer("attention_bias", true, "true");
    transformer("mlp_bias", true, "true");
    transformer("hidden_act", "relu", "\"relu\"");
    transformer("num_attention_heads", nullptr, "missing");
    transformer("num_attention_heads", 5, "5");
    transformer("num_attention_heads", 128, "128");
    transformer("num_key_value_heads", 3, "3");
    transformer("num_key_value_heads", 8, "8");
    transformer("head_dim", 32, "32");
    transformer("max_position_embeddings", -1, "-1");
    row("heads of odd width",
        withField(withField(smallTransformer(), "hidden_size", 60), "num_attention_heads", 4),
        "hidden_size / num_attention_heads", "15");
    row("too many parameters",
        withField(withField(smallMatMulFree(), "hidden_size", 16777215), "num_hidden_layers", 4096),
        "hidden_size", "billion");
}

void TestModelConfig::badFieldsAreNamed()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, field);
    QFETCH(QByteArray, found);
    MMFREE_EXPECT_ERROR((void)parseModelConfig(text.toStdString(), "DIR/config.json"),
                        ErrorCode::InvalidConfig, "DIR/config.json: ", field.toStdString(),
                        found.toStdString(), "needed: ");
}

void TestModelConfig::badTextIsRefused_data()
{
    QTest::addColumn<QByteArray>("text");
    const QByteArray good = QByteArray::fromStdString(smallMatMulFree().dump());
    QTest::addRow("empty") << QByteArray();
    QTest::addRow("truncated") << good.left(good.size() / 2);
    QTest::addRow("text after it") << good + "}";
    QTest::addRow("an array") << QByteArray("[1]");
    QTest::addRow("null") << QByteArray("null");
    QTest::addRow("NaN") << QByteArray(R"({"model_type": "hgrn_bit", "rms_norm_eps": NaN})");
    QTest::addRow("a number beyond double")
        << QByteArray(R"({"model_type": "hgrn_bit", "rms_norm_eps": 1e999})");
    QTest::addRow("not UTF-8") << QByteArray("{\"model_type\": \"\xff\xfe\"}");
    QTest::addRow("a zero byte") << QByteArray("{\0}", 3);
    QTest::addRow("a key twice") << QByteArray(R"({"model_type": "hgrn_bit", "model_type": "llama"})");
    QTest::addRow("a key twice further in")
        << QByteArray(R"({"model_type": "hgrn_bit", "x": {"a": 1, "a": 2}})");
    QTest::addRow("arrays 100000 deep") << QByteArray(100000, '[');
    QTest::addRow("objects 100000 deep") << QByteArray("{\"a\":").repeated(100000);
}

void TestModelConfig::badTextIsRefused()
{
    QFETCH(QByteArray, text);
    MMFREE_EXPECT_ERROR((void)parseModelConfig(text.toStdString(), "DIR/config.json"),
                        ErrorCode::InvalidConfig, "DIR/config.json: ");
}

void TestModelConfig::namedShapesHaveTheirPublishedSizes()
{
    QCOMPARE(parameterCount(namedShape("370M")), 374108160);
    QCOMPARE(parameterCount(namedShape("1.3B")), 1364779008);
    QCOMPARE(parameterCount(namedShape("2.7B")), 2702357504);
    QCOMPARE(parameterCount(namedShape("13B")), 13017856000);
    const ModelConfig dense = namedShape("370M", Architecture::Transformer);
    QCOMPARE(dense.headCount, 16);
    QCOMPARE(dense.headSize(), 64);
    QCOMPARE(dense.intermediateSize, 2816);
}

void TestModelConfig::shapesMayBeWrittenOut()
{
    const ModelConfig config = namedShape("2,48,100,300");
    QCOMPARE(config.layerCount, 2);
    QCOMPARE(config.hiddenSize, 48);
    QCOMPARE(config.intermediateSize, 100);
    QCOMPARE(config.vocabularySize, 300);
    QCOMPARE(namedShape("2,48,100,300", Architecture::Transformer).headSize(), 48);
    QCOMPARE(namedShape("1,2,3,1").bosTokenId, -1);
}

void TestModelConfig::badShapesThrow_data()
{
    QTest::addColumn<QByteArray>("text");
    for (const char* text : {"", "7B", "1,2,3", "1,2,3,4,5", "1,2,3,", "1,2,3,x", "0,64,192,320",
                             "1,-64,192,320", "1,99999999999999999999,1,1", "4096,16777215,1,1", " 1,2,3,4"})
        QTest::addRow("\"%s\"", text) << QByteArray(text);
}

void TestModelConfig::badShapesThrow()
{
    QFETCH(QByteArray, text);
    MMFREE_EXPECT_ERROR((void)namedShape(text.toStdString()), ErrorCode::InvalidArgument,
                        "shape \"" + text.toStdString());
    // Rotary positions turn pairs: no head size fits an odd width.
    MMFREE_EXPECT_ERROR((void)namedShape("1,63,64,64", Architecture::Transformer), ErrorCode::InvalidArgument,
                        "63", "even");
}

QTEST_APPLESS_MAIN(TestModelConfig)
#include "tst_model_config.moc"
