"""``GET /v1/models``: models with what they can do."""

from typing import Any, Final

NAMES: Final = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5")
CREATED: Final = "2026-09-29T00:00:00Z"
RETIRES: Final = "2027-09-29T00:00:00Z"
_CAN: Final = {"supported": True}
_CAN_NOT: Final = {"supported": False}
_CAPABILITIES: Final[dict[str, dict[str, Any]]] = {
    "batch": _CAN,
    "citations": _CAN,
    "code_execution": _CAN_NOT,
    "context_management": _CAN_NOT,
    "effort": dict.fromkeys(("low", "medium", "high", "max"), _CAN) | _CAN,
    "image_input": _CAN,
    "pdf_input": _CAN,
    "server_tools": {"code_execution": _CAN_NOT, "web_search": _CAN_NOT} | _CAN_NOT,
    "structured_outputs": _CAN,
    "thinking": {"types": {"adaptive": _CAN, "between_tools": _CAN, "disabled": _CAN, "enabled": _CAN_NOT}} | _CAN,
}


def model_page(names: tuple[str, ...], after: str | None, limit: int) -> dict[str, Any]:
    """Return the part of the list that follows a model."""
    start = names.index(after) + 1 if after in names else 0
    shown = names[start : start + limit]
    return {
        "data": [model_info(name) for name in shown],
        "has_more": start + limit < len(names),
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }


def model_info(name: str) -> dict[str, Any]:
    """Return what is told of a model."""
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": CREATED,
        "lifecycle": "deprecated",
        "line": None,
        "deprecated_at": CREATED,
        "retires_at": RETIRES,
        "max_input_tokens": 1_000_000,
        "max_tokens": 128_000,
        "capabilities": _CAPABILITIES,
    }
