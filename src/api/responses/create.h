// POST /responses, answered while its asker waits, or in the background.
#pragma once

#include "api/responses/answers.h"
#include "api/responses/routes.h"

namespace studio::api::responses {

void create_response(const Desk& desk, const ExchangePtr& exchange);
// POST /responses/input_tokens: of the prompt that a request would make.
void count_input_tokens(const Desk& desk, const ExchangePtr& exchange);

}  // namespace studio::api::responses
