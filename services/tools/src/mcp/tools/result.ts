/** What an MCP server answers, as a model is shown it. */
import type { CallToolResult } from '@modelcontextprotocol/client'
import { cutText } from '@clawmesh/chassis'
import { wrapUntrusted } from '../../web/untrusted.ts'

/** In UTF-16 units; what is longer is cut. */
const mostText = 200_000
const mostParts = 1_000

const textOf = (part: CallToolResult['content'][number]): string => {
  if (part.type === 'text') return part.text
  if (part.type === 'resource' && 'text' in part.resource) return String(part.resource.text)
  const kind =
    'mimeType' in part && typeof part.mimeType === 'string' ? `${part.type}, ${cutText(part.mimeType, 100)}` : part.type
  return `[non-text content: ${kind}]`
}

/** The texts of an answer between marks that say whose they are; other parts are only named. */
export const shownResult = (result: CallToolResult, server: string, tool: string): string => {
  const parts = result.content.slice(0, mostParts).map(textOf)
  const { structuredContent } = result
  const said =
    parts.length === 0 && structuredContent !== undefined ? JSON.stringify(structuredContent) : parts.join('\n')
  const text = said.length > mostText ? `${cutText(said, mostText)}\n[cut: the answer was longer]` : said
  return wrapUntrusted(text, { source: `MCP server ${server}, tool ${tool}` })
}
