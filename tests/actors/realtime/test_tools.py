"""Tools keep their secrets."""

from troupe.actors.realtime.tools import McpTool


def test_a_tool_of_another_server_does_not_show_its_secrets() -> None:
    tool = McpTool(server_label="s", authorization="token", headers={"x-key": "secret"})
    assert repr(tool) == "McpTool(server_label='s')"
