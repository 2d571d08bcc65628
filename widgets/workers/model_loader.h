// Opens models on its own thread, so that the window and a running answer go on meanwhile. The open model is
// only replaced when the new one is ready.
#pragma once

#include "widgets/workers/inference_types.h"

#include <QObject>

namespace mmfree::gui
{

class ModelLoader : public QObject
{
    Q_OBJECT
public:
    ModelLoader(OpenFunction open, ListBackendsFunction listBackends, QObject* parent = nullptr);

public slots:
    void openModel(const mmfree::gui::OpenRequest& request);
    void listBackends();

signals:
    void openingProgressed(quint64 job, double share); // at most 25 times a second
    void modelOpened(quint64 job, const mmfree::gui::LoadedModel& model);
    void openingCancelled(quint64 job); // stopped: neither of the two follows
    void openingFailed(quint64 job, const mmfree::gui::ErrorInfo& error);
    void backendsListed(const std::vector<mmfree::gui::BackendSummary>& backends);

private:
    LoadedModel load(const OpenRequest& request);

    OpenFunction m_open;
    ListBackendsFunction m_listBackends;
};

} // namespace mmfree::gui
