#include "widgets/views/setting_marker.h"

#include "widgets/theme/theme.h"

namespace mmfree::gui
{

SettingMarker::SettingMarker(QString settingName, QWidget* parent)
    : QToolButton(parent)
    , m_setting(std::move(settingName))
{
    setObjectName(QStringLiteral("settingMarker"));
    setToolButtonStyle(Qt::ToolButtonTextOnly);
    connect(this, &QToolButton::clicked, this, [this] {
        if (m_origin == SettingOrigin::Chat)
            emit resetRequested();
    });
    setOrigin(SettingOrigin::Model, {});
}

void SettingMarker::setOrigin(SettingOrigin origin, const QString& presetName)
{
    m_origin = origin;
    static constexpr const char* kNames[] = {"model", "preset", "chat"};
    setStyleFlag(this, "origin", QString::fromLatin1(kNames[static_cast<int>(origin)]));
    switch (origin) {
    case SettingOrigin::Model:
        setText(tr("model"));
        setToolTip(tr("The model's default"));
        break;
    case SettingOrigin::Preset:
        setText(tr("preset"));
        setToolTip(tr("From the preset \u201c%1\u201d").arg(presetName));
        break;
    case SettingOrigin::Chat:
        setText(tr("this chat"));
        setToolTip(tr("Set for this chat. Press to go back to the preset's or the model's value."));
        break;
    }
    setAccessibleName(tr("%1: %2").arg(m_setting, toolTip()));
    setFocusPolicy(origin == SettingOrigin::Chat ? Qt::StrongFocus : Qt::NoFocus);
}

} // namespace mmfree::gui
