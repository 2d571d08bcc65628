#include "engine/cuda/cuda_training.h"

#include "engine/cuda/matmul_free_training_pass.h"
#include "engine/cuda/transformer_training_pass.h"
#include "engine/cuda/vanilla_training_pass.h"
#include "engine/network/inference_executor.h"

#include <algorithm>
#include <cmath>

namespace mmfree::cuda
{

namespace
{

constexpr std::int64_t kPieceRows = 32; // rows of one token's embedding gradient added in one go

} // namespace

CudaTraining::CudaTraining(std::shared_ptr<const ParameterLayout> layout, std::span<const float> initial,
                           const ExecutorOptions& options, const std::string& deviceName)
    : m_layout(std::move(layout))
    , m_device(options.device)
    , m_info{.backend = "cuda", .description = deviceName + ", bf16 products with f32 sums"}
    , m_products(m_stream.get())
    , m_arrays(4 * parameterCount(), "parameters, gradients and moments")
    , m_parameters(m_arrays.data())
    , m_gradients(m_parameters + parameterCount())
    , m_firstMoment(m_gradients + parameterCount())
    , m_secondMoment(m_firstMoment + parameterCount())
    , m_partials(kSquareParts, "sums")
    , m_result(1, "sums")
    , m_resultHost(1, "results")
{
    checkCuda(cudaMemsetAsync(m_gradients, 0, 3 * parameterCount() * sizeof(float), m_stream.get()));
    copyToDevice(initial, m_parameters);
    makeUpdateChunks();
    int multiprocessors = 1;
    checkCuda(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, m_device));
    const TrainingContext context{.arrays = {m_layout.get(), m_parameters, m_gradients},
                                  .stream = m_stream.get(),
                                  .products = &m_products,
                                  .multiprocessors = multiprocessors,
                                  .activations = options.activations};
    const bool ternary = m_layout->config().architecture == Architecture::MatMulFree;
    if (!ternary)
        m_network = std::make_unique<TransformerTrainingPass>(context);
    else if (options.bitLinear == BitLinearStyle::Vanilla)
        m_network = std::make_unique<VanillaTrainingPass>(context);
    else
        m_network = std::make_unique<MatMulFreeTrainingPass>(context);
}

CudaTraining::~CudaTraining()
{
    cudaSetDevice(m_device);
    cudaStreamSynchronize(m_stream.get()); // nothing may still use what is freed now
}

void CudaTraining::makeUpdateChunks()
{
    std::vector<UpdateChunk> chunks;
    for (const ParameterSlot& slot : m_layout->entries()) {
        const bool isMatrix = slot.spec.role == TensorRole::Embedding ||
                              slot.spec.role == TensorRole::TernaryWeight ||
                              slot.spec.role == TensorRole::DenseWeight;
        for (std::int64_t first = 0; first < slot.count; first += kUpdateChunk)
            chunks.push_back(
                {.offset = slot.offset + first,
                 .count = static_cast<std::int32_t>(std::min<std::int64_t>(kUpdateChunk, slot.count - first)),
                 .isMatrix = isMatrix ? 1 : 0});
    }
    m_chunks = DeviceArray<UpdateChunk>(chunks.size(), "the list of parameters");
    checkCuda(cudaMemcpy(m_chunks.data(), chunks.data(), m_chunks.bytes(), cudaMemcpyHostToDevice));
}

double CudaTraining::run(const TokenBatch& batch, bool backward)
{
    checkCuda(cudaSetDevice(m_device));
    const TrainingBatch device = upload(batch, backward);
    if (!m_fresh)
        m_network->refresh();
    m_fresh = true;
    m_network->run(device, backward, m_rowLoss.data());
    launchSum(m_rowLoss.data(), device.tokens(), m_result.data(), m_stream.get());
    checkCuda(cudaMemcpyAsync(m_resultHost.data(), m_result.data(), sizeof(double), cudaMemcpyDeviceToHost,
                              m_stream.get()));
    m_stream.synchronize();
    return *m_resultHost.data() / static_cast<double>(device.targetCount);
}

// Staging holds, one behind the other: inputs, targets, token order, first row of each piece, token ids and
// first piece of each token, the last three with one entry more than there are.
void CudaTraining::reserveBatch(std::int64_t tokens)
{
    if (tokens <= m_batchCapacity)
        return;
    m_batchCapacity = 0;
    const std::size_t values = static_cast<std::size_t>(6 * tokens + 3);
    m_staging = PinnedArray<std::int32_t>(values, "training batches");
    m_batchData = DeviceArray<std::int32_t>(values, "training batches");
    m_rowLoss = DeviceArray<float>(static_cast<std::size_t>(tokens), "losses");
    m_batchCapacity = tokens;
}

TrainingBatch CudaTraining::upload(const TokenBatch& batch, bool backward)
{
    static_assert(sizeof(TokenId) == sizeof(std::int32_t));
    const std::int64_t targets = checkTrainingBatch(batch, m_layout->config().vocabularySize);
    const std::int64_t tokens = batch.batch * batch.length;
    reserveBatch(tokens);
    TrainingBatch device;
    device.batch = batch.batch;
    device.length = batch.length;
    device.targetCount = targets;
    std::copy(batch.inputs.begin(), batch.inputs.end(), m_staging.data());
    std::copy(batch.targets.begin(), batch.targets.end(), m_staging.data() + tokens);
    if (backward)
        sortTokens(batch.inputs, device);
    const std::size_t values = static_cast<std::size_t>(backward ? 6 * tokens + 3 : 2 * tokens);
    checkCuda(cudaMemcpyAsync(m_batchData.data(), m_staging.data(), values * sizeof(std::int32_t),
                              cudaMemcpyHostToDevice, m_stream.get()));
    device.inputs = m_batchData.data();
    device.targets = m_batchData.data() + tokens;
    return device;
}

// A counting sort keeps the order of rows, and with it of the sums, the same for the same batch.
void CudaTraining::sortTokens(std::span<const TokenId> inputs, TrainingBatch& batch)
{
    const std::int64_t tokens = batch.tokens();
    std::int32_t* order = m_staging.data() + 2 * tokens;
    std::int32_t* first = order + tokens;
    std::int32_t* ids = first + tokens + 1;
    std::int32_t* firstPiece = ids + tokens + 1;
    m_counts.assign(static_cast<std::size_t>(m_layout->config().vocabularySize), 0);
    for (const TokenId token : inputs)
        ++m_counts[static_cast<std::size_t>(token)];
    std::int32_t row = 0, pieces = 0, distinct = 0;
    for (std::size_t token = 0; token < m_counts.size(); ++token) {
        const std::int32_t count = m_counts[token];
        m_counts[token] = row; // from here on: where its next row goes
        if (count == 0)
            continue;
        ids[distinct] = static_cast<std::int32_t>(token);
        firstPiece[distinct++] = pieces;
        for (std::int32_t begin = 0; begin < count; begin += kPieceRows)
            first[pieces++] = row + begin;
        row += count;
    }
    first[pieces] = row;
    firstPiece[distinct] = pieces;
    for (std::int64_t t = 0; t < tokens; ++t)
        order[m_counts[static_cast<std::size_t>(inputs[static_cast<std::size_t>(t)])]++] =
            static_cast<std::int32_t>(t);
    const std::int32_t* device = m_batchData.data();
    batch.pieces = {.order = device + (order - m_staging.data()),
                    .first = device + (first - m_staging.data()),
                    .tokenIds = device + (ids - m_staging.data()),
                    .tokenPieces = device + (firstPiece - m_staging.data()),
                    .pieces = pieces,
                    .tokens = distinct};
}

double CudaTraining::gradientNorm()
{
    checkCuda(cudaSetDevice(m_device));
    launchSumOfSquares(m_gradients, m_layout->size(), m_partials.data(), m_result.data(), m_stream.get());
    checkCuda(cudaMemcpyAsync(m_resultHost.data(), m_result.data(), sizeof(double), cudaMemcpyDeviceToHost,
                              m_stream.get()));
    m_stream.synchronize();
    return std::sqrt(*m_resultHost.data());
}

void CudaTraining::applyUpdate(const UpdateOptions& options)
{
    checkCuda(cudaSetDevice(m_device));
    const double step = static_cast<double>(options.step);
    launchAdamw({.chunks = m_chunks.data(),
                 .chunkCount = static_cast<std::int64_t>(m_chunks.size()),
                 .parameters = m_parameters,
                 .gradients = m_gradients,
                 .firstMoment = m_firstMoment,
                 .secondMoment = m_secondMoment,
                 .learningRate = static_cast<float>(options.learningRate),
                 .beta1 = static_cast<float>(options.beta1),
                 .beta2 = static_cast<float>(options.beta2),
                 .epsilon = static_cast<float>(options.epsilon),
                 .matrixDecay = static_cast<float>(options.weightDecay),
                 .otherDecay = static_cast<float>(options.decayAll ? options.weightDecay : 0.0),
                 .gradientScale = static_cast<float>(options.gradientScale),
                 .correction1 = static_cast<float>(1.0 - std::pow(options.beta1, step)),
                 .correction2 = static_cast<float>(1.0 - std::pow(options.beta2, step))},
                m_stream.get());
    m_fresh = false;
}

void CudaTraining::copyToHost(const float* device, std::span<float> host)
{
    checkCuda(cudaSetDevice(m_device));
    checkCuda(
        cudaMemcpyAsync(host.data(), device, host.size_bytes(), cudaMemcpyDeviceToHost, m_stream.get()));
    m_stream.synchronize();
}

void CudaTraining::copyToDevice(std::span<const float> host, float* device)
{
    checkCuda(cudaSetDevice(m_device));
    checkCuda(
        cudaMemcpyAsync(device, host.data(), host.size_bytes(), cudaMemcpyHostToDevice, m_stream.get()));
    m_stream.synchronize();
}

void CudaTraining::readGradients(std::span<float> out)
{
    copyToHost(m_gradients, out);
}

TrainingSnapshot CudaTraining::snapshot()
{
    const auto hostCopy = [&](const float* device) {
        auto copy = std::make_shared<AlignedBuffer<float>>(parameterCount());
        copyToHost(device, copy->span());
        return copy;
    };
    return {.parameters = hostCopy(m_parameters),
            .firstMoment = hostCopy(m_firstMoment),
            .secondMoment = hostCopy(m_secondMoment)};
}

void CudaTraining::restore(const TrainingSnapshot& snapshot)
{
    copyToDevice(snapshot.parameters->span(), m_parameters);
    copyToDevice(snapshot.firstMoment->span(), m_firstMoment);
    copyToDevice(snapshot.secondMoment->span(), m_secondMoment);
    checkCuda(cudaMemsetAsync(m_gradients, 0, parameterCount() * sizeof(float), m_stream.get()));
    m_fresh = false;
}

MemoryUse CudaTraining::memoryUse() const
{
    return {.weightBytes = m_arrays.bytes(),
            .stateBytes = 0,
            .activationBytes = m_network->bytes() + m_products.bytes() + m_batchData.bytes()};
}

} // namespace mmfree::cuda
