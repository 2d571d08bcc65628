#include "app/pages.h"

#include "widgets/pages/chat_page.h"
#include "widgets/pages/compare_page.h"
#include "widgets/pages/devices_page.h"
#include "widgets/pages/explore_page.h"
#include "widgets/pages/models_page.h"
#include "widgets/pages/page_context.h"
#include "widgets/pages/training_page.h"

namespace mmfree::app
{

Pages makePages(const gui::PageContext& context)
{
    Pages pages;
    pages.chat = new gui::ChatPage(context);
    pages.models = new gui::ModelsPage(context);
    pages.inOrder = {pages.chat,
                     new gui::TrainingPage(context),
                     new gui::ExplorePage(context),
                     new gui::ComparePage(context),
                     pages.models,
                     new gui::DevicesPage(context)};
    return pages;
}

} // namespace mmfree::app
