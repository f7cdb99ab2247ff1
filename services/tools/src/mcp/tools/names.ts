/** What the tools of MCP servers are called here: those of several servers must not meet. */

/** The prefix of a server's tools: its own, or one made of its name. It always begins with `mcp_`. */
export const prefixOf = ({ name, toolPrefix }: { name: string; toolPrefix: string }): string => {
  if (toolPrefix === '') return `mcp_${name.replaceAll('-', '_')}`
  return toolPrefix.startsWith('mcp_') ? toolPrefix : `mcp_${toolPrefix}`
}

/** Names the tools of a server. */
export const toolNameOf = (server: { name: string; toolPrefix: string }): ((tool: string) => string) => {
  const prefix = prefixOf(server)
  return (tool) => `${prefix}__${tool}`
}
