"""From what a call did to the row it leaves in the books: usage, cost, and how it ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from billing import pricing
from billing.holds import Settlement
from billing.usage import Usage
from gateway import tokens

if TYPE_CHECKING:
    from gateway.call import Call

NOTHING = Usage()
LEEWAY = 2  # how many times beyond a model's own limits a report is still believed: limits in catalogues grow old


async def of(call: Call) -> Settlement:
    """The settlement of a call that has ended. Pure but for counting tokens, which leaves the loop for large texts."""
    usage, source = await _usage(call)
    exact = pricing.cost(usage, call.price.rates).exact * (1 + call.rise)
    route = call.route
    supplier = route.supplier if route is not None else None
    return Settlement(
        id=call.id,
        wallet_id=call.caller.organization_id,
        key_id=call.caller.key_id,
        user_id=call.caller.user_id,
        cost_nusd=pricing.charge_nusd(exact),
        exact_cost=exact,
        usage=usage,
        model=call.model.slug,
        model_id=call.model.id,
        endpoint_id=route.endpoint_id if route else None,
        provider=route.provider if route else "",
        surface=call.surface,
        operation=call.operation,
        streamed=call.envelope.stream,
        price_version_id=call.price.version_id,
        supplier_cost_version_id=supplier.version_id if supplier else None,
        supplier_cost=pricing.cost(usage, supplier.rates).exact if supplier else None,
        rise=call.rise,
        usage_source=source,
        finish=call.outcome.finish or "",
        outcome=call.outcome.kind,
        error_code=call.outcome.error_code,
        status=call.outcome.status,
        attempts=[
            {
                "endpoint_id": attempt.route.endpoint_id,
                "provider": attempt.route.provider,
                "error": attempt.error,
                "ms": attempt.milliseconds,
            }
            for attempt in call.attempts
        ],
        first_byte_ms=call.first_byte_ms,
        duration_ms=call.elapsed_ms(),
        detail=None,
    )


async def _usage(call: Call) -> tuple[Usage, str]:
    """What is charged: the provider's report; without one an estimate of what passed; nothing for no output.

    An empty answer that names no reason to end is a failure of the provider, whatever it reports: it is not charged.
    """
    outcome = call.outcome
    if not outcome.produced and outcome.finish in (None, "", "error"):
        return NOTHING, "none"
    if outcome.usage is not None and _believable(call, outcome.usage):
        return outcome.usage, "reported"
    if not outcome.produced:
        return NOTHING, "none"
    request, body = call.dialect.request, call.body
    prompt = await asyncio.to_thread(lambda: tokens.estimate(request.measure(body), list(request.text_of(body))))
    # An estimate may never bill a prompt beyond the bound that the hold was made with.
    return Usage(input=min(prompt, call.prompt_bound), output=outcome.tally.tokens), "estimated"


def _believable(call: Call, usage: Usage) -> bool:
    """Whether the model can have used that much at all. A provider that reports more is wrong, and nobody should pay
    for its mistake."""
    model = call.model
    most_output = model.max_output_tokens
    most_input = model.context_window or model.max_input_tokens
    if most_output is not None and usage.completion > LEEWAY * most_output * call.envelope.choices:
        return False
    return most_input is None or usage.prompt <= LEEWAY * most_input
