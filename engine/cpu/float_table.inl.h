// The float half of a KernelTable, the same list for every instruction set. Included inside an ISA's
// namespace after the kernels.

static KernelTable tableOfFloatKernels(const char* name)
{
    KernelTable table = {};
    table.name = name;
    table.rmsNorm = rmsNorm;
    table.rmsNormQuantize = rmsNormQuantize;
    table.gatesAndScan = gatesAndScan;
    table.normAndGate = normAndGate;
    table.swiGlu = swiGlu;
    table.convert = convert;
    table.denseGemv = denseGemv;
    table.dot = dot;
    table.multiplyAdd = multiplyAdd;
    table.softmax = softmax;
    table.addTo = addTo;
    table.rmsNormBackward = rmsNormBackward;
    table.rmsNormWeightGradient = rmsNormWeightGradient;
    table.gatesAndScanBackward = gatesAndScanBackward;
    table.normAndGateBackward = normAndGateBackward;
    table.normAndGateWeightGradient = normAndGateWeightGradient;
    table.swiGluBackward = swiGluBackward;
    table.crossEntropy = crossEntropy;
    table.sumOfSquares = sumOfSquares;
    table.adamw = adamw;
    return table;
}
