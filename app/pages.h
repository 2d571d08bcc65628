// THE list of pages, in the order of the rail.
#pragma once

#include <QList>

namespace mmfree::gui
{
class ChatPage;
class ModelsPage;
class Page;
struct PageContext;
} // namespace mmfree::gui

namespace mmfree::app
{

struct Pages {
    QList<gui::Page*> inOrder; // Ctrl+1, Ctrl+2, ...
    gui::ChatPage* chat = nullptr;
    gui::ModelsPage* models = nullptr;
};

// Makes every page, without a parent.
[[nodiscard]] Pages makePages(const gui::PageContext& context);

} // namespace mmfree::app
