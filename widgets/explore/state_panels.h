// The panels beside the state's matrix: hold map, half-lives, brush and match, and the second text or
// checkpoint.
#pragma once

#include "widgets/explore/explorer_session.h"

#include <QWidget>

class QCheckBox;
class QDoubleSpinBox;
class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QTableWidget;

namespace mmfree::gui
{

class MatrixPanel;
class PlotView;

// Shares of earlier tokens in the state at the picked token, on the strip and as a matrix.
class HoldPanel : public QWidget
{
    Q_OBJECT
public:
    explicit HoldPanel(ExplorerSession* session, QWidget* parent = nullptr);
    void refresh();                         // the picked token or the capture changed
    static constexpr int kMostTokens = 512; // of the matrix
    [[nodiscard]] MatrixPanel* matrix() const { return m_matrix; }
    [[nodiscard]] const std::vector<double>& shares() const { return m_shares; } // [0]: before the text
    [[nodiscard]] bool isSettled() const { return m_job == 0; }

private:
    void rebuildMatrix();
    ExplorerSession* m_session;
    QCheckBox* m_activeOnly;
    QDoubleSpinBox* m_threshold;
    QLabel* m_caption;
    MatrixPanel* m_matrix;
    std::vector<double> m_shares;
    SharedCapture m_mapOf; // what the matrix was made of
    int m_mapLayer = -1;
    std::vector<std::int32_t> m_mapChannels;
    JobId m_job = 0;
};

// Half-lives of all layers as a strip and of the picked layer as bars, with the lower bound's floor.
class HalfLifePanel : public QWidget
{
    Q_OBJECT
public:
    explicit HalfLifePanel(ExplorerSession* session, QWidget* parent = nullptr);
    void refresh();
    // Bins are half octaves of tokens; counts of the picked layer.
    static constexpr int kBins = 32;
    [[nodiscard]] static int binOf(double halfLife); // 0 .. kBins - 1
    [[nodiscard]] static double edgeOf(int bin);     // its shortest half-life, tokens
    [[nodiscard]] const std::vector<int>& counts() const { return m_counts; }

signals:
    void channelsChosen(const std::vector<std::int32_t>& channels, const QString& what);

private:
    ExplorerSession* m_session;
    MatrixPanel* m_strip;
    PlotView* m_plot;
    QLabel* m_caption;
    std::vector<int> m_counts;
    std::vector<float> m_bounds; // [layers, d]
    const ModelSource* m_boundsOf = nullptr;
};

// Channels that are on over the brushed tokens, and where else they are.
class MatchPanel : public QWidget
{
    Q_OBJECT
public:
    explicit MatchPanel(ExplorerSession* session, QWidget* parent = nullptr);
    void refresh();
    void setThreshold(double threshold);
    [[nodiscard]] const std::vector<std::int32_t>& channels() const { return m_channels; }
    [[nodiscard]] QTableWidget* table() const { return m_table; }
    void searchFile(const QString& path);
    [[nodiscard]] bool isSettled() const { return m_job == 0; }

signals:
    void channelsChosen(const std::vector<std::int32_t>& channels, const QString& what);

private:
    void chooseFile();
    void addRow(const QString& place, const QString& text, double on, int token);
    ExplorerSession* m_session;
    QDoubleSpinBox* m_threshold;
    QCheckBox* m_offOutside;
    QLabel* m_caption;
    QTableWidget* m_table;
    QProgressBar* m_progress;
    QPushButton *m_search, *m_show;
    std::vector<std::int32_t> m_channels;
    JobId m_job = 0;
};

// Captures the same quantities of another text, or of the reference checkpoint.
class TwinPanel : public QWidget
{
    Q_OBJECT
public:
    explicit TwinPanel(ExplorerSession* session, QWidget* parent = nullptr);
    void demand(const std::vector<TracePoint>& points);                        // when B or A-B is in sight
    [[nodiscard]] const SharedCapture& captured() const { return m_captured; } // null: none
    void setOtherText(const QString& text); // empty: the reference checkpoint with the same text
    [[nodiscard]] bool isSettled() const { return m_job == 0; }

signals:
    void changed();

private:
    void showWhat();
    ExplorerSession* m_session;
    QLineEdit* m_text;
    QLabel* m_caption;
    SharedCapture m_captured;
    std::vector<TracePoint> m_points;
    JobId m_job = 0;
};

// A word for a token in running text, spaces and breaks made visible.
[[nodiscard]] QString tokenWord(const ExplorerSession& session, int index);

} // namespace mmfree::gui
