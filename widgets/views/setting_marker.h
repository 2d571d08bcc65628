// The small mark beside a setting: where its value comes from, in words. Pressed while the value is this
// chat's own, it asks for the one below.
#pragma once

#include "widgets/models/chat_settings.h"

#include <QToolButton>

namespace mmfree::gui
{

class SettingMarker : public QToolButton
{
    Q_OBJECT
public:
    SettingMarker(QString settingName, QWidget* parent = nullptr);

    void setOrigin(SettingOrigin origin, const QString& presetName);
    [[nodiscard]] SettingOrigin origin() const { return m_origin; }

signals:
    void resetRequested();

private:
    QString m_setting;
    SettingOrigin m_origin = SettingOrigin::Model;
};

} // namespace mmfree::gui
