// Blocked ternary product on AMX tiles: s8 activations [16 tokens][64] times u8 codes [16][16 rows][4], both
// as they lie in memory, to int32 [16 tokens][16 rows]. 32 rows x 32 tokens at a time: per 64 columns 4 tile
// loads, 4 products.

struct alignas(64) TileConfiguration {
    uint8_t palette = 1, startRow = 0, reserved[14] = {};
    uint16_t columnBytes[16] = {};
    uint8_t rows[16] = {};
};

// Tiles 0-3 results, 4-5 activations, 6-7 codes.
static inline void multiplyTiles(const TernaryProduct& product, int64_t token, int32_t* sums)
{
    const int8_t* q = product.q + token * product.qStride;
    const uint8_t* codes = product.scratch;
    asm volatile("" ::: "memory"); // tile loads of g++ 12 do not say that they read memory
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t k = 0; k < product.depth; k += 64) {
        _tile_loadd(4, q + k, product.qStride);
        _tile_loadd(6, codes + k * kPanelRows, 4 * kPanelRows);
        _tile_loadd(7, codes + k * kPanelRows + 64, 4 * kPanelRows);
        _tile_loadd(5, q + 16 * product.qStride + k, product.qStride);
        _tile_dpbsud(0, 4, 6);
        _tile_dpbsud(1, 4, 7);
        _tile_dpbsud(2, 5, 6);
        _tile_dpbsud(3, 5, 7);
    }
    _tile_stored(0, sums, 4 * kPanelRows);
    _tile_stored(1, sums + 16, 4 * kPanelRows);
    _tile_stored(2, sums + 16 * kPanelRows, 4 * kPanelRows);
    _tile_stored(3, sums + 16 * kPanelRows + 16, 4 * kPanelRows);
}

template <void (*Unpack)(const TernaryProduct&, int64_t)>
static void tileGemm(const TernaryProduct& product)
{
    constexpr int64_t kTileTokens = 32;
    TileConfiguration configuration;
    for (int i = 0; i < 8; ++i) {
        configuration.columnBytes[i] = 64;
        configuration.rows[i] = 16;
    }
    _tile_loadconfig(&configuration);
    alignas(64) int32_t sums[kTileTokens * kPanelRows]; // [token][row]
    for (int64_t panel = product.panelBegin; panel < product.panelEnd; ++panel) {
        Unpack(product, panel);
        for (int64_t token = 0; token < product.tokens; token += kTileTokens) {
            multiplyTiles(product, token, sums);
            for (int64_t t = 0; t < kTileTokens && token + t < product.tokens; ++t) {
                const int32_t* row = sums + t * kPanelRows;
                storeGroups(product, panel * kPanelRows, token + t, _mm512_load_si512(row),
                            _mm512_load_si512(row + 16));
            }
        }
    }
    _tile_release();
}
