"""Tools and the choice among them, as sessions and responses name them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from .json_values import Json


class FunctionTool(Struct, frozen=True, kw_only=True, tag_field="type", tag="function", forbid_unknown_fields=True):
    """A function that the client carries out. Flat, unlike chat completions."""

    name: Annotated[str, Meta(min_length=1)]
    description: Annotated[str, Meta(max_length=1024)] | UnsetType | None = UNSET
    parameters: Json | UnsetType | None = UNSET
    """JSON schema of the arguments."""


class ToolFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some of the tools of an MCP server."""

    read_only: bool | UnsetType = UNSET
    tool_names: tuple[str, ...] | UnsetType = UNSET


class ApprovalFilter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tools of an MCP server need the client's approval."""

    always: ToolFilter | UnsetType = UNSET
    never: ToolFilter | UnsetType = UNSET


class McpTool(Struct, frozen=True, kw_only=True, tag_field="type", tag="mcp", forbid_unknown_fields=True):
    """The tools of an MCP server that the service itself calls."""

    server_label: str
    server_url: str | UnsetType = UNSET
    connector_id: str | UnsetType = UNSET
    tunnel_id: str | UnsetType = UNSET
    authorization: str | UnsetType = UNSET
    headers: dict[str, str] | UnsetType | None = UNSET
    allowed_tools: tuple[str, ...] | ToolFilter | UnsetType | None = UNSET
    require_approval: Literal["always", "never"] | ApprovalFilter | UnsetType | None = UNSET
    server_description: str | UnsetType = UNSET
    defer_loading: bool | UnsetType = UNSET
    allowed_callers: tuple[Literal["direct", "programmatic"], ...] | UnsetType | None = UNSET

    def __repr__(self) -> str:
        return f"McpTool(server_label={self.server_label!r})"  # the rest may hold secrets


Tool = FunctionTool | McpTool


class FunctionChoice(Struct, frozen=True, kw_only=True, tag_field="type", tag="function", forbid_unknown_fields=True):
    """Call this function."""

    name: str


class McpChoice(Struct, frozen=True, kw_only=True, tag_field="type", tag="mcp", forbid_unknown_fields=True):
    """Call this MCP server, or this tool of it."""

    server_label: str
    name: str | UnsetType | None = UNSET


ToolChoice = Literal["none", "auto", "required"] | FunctionChoice | McpChoice
