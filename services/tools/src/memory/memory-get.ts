import { z } from 'zod'
import { findMemoryDocument } from './memory-document.ts'
import { cutLines } from '../files/lines.ts'
import { toolError } from '../tool/tool-error.ts'
import { defineTool } from '../tool/define-tool.ts'
import { says } from '../tool/tool.ts'

const maxChars = 50_000

export const memoryGet = defineTool({
  name: 'memory_get',
  displayName: 'Read memory',
  category: 'memory',
  groups: ['memory'],
  needs: ['agent', 'memory'],
  description: 'Read a memory document, or some lines of it: MEMORY.md or a path that memory_search found.',
  parameters: z.object({
    path: z.string().min(1).describe('MEMORY.md or memory/<name>.md'),
    from: z.int().min(1).default(1).describe('First line, counted from 1'),
    lines: z.int().min(1).optional().describe('How many lines'),
  }),
  run: async ({ path, from, lines }, context) => {
    const found = await findMemoryDocument(context, path)
    if (!found) throw toolError(`there is no memory document ${path}`)
    const span = { offset: from - 1, limit: lines, maxChars }
    const { text, lines: shown, nextOffset } = await cutLines([found.content], span)
    const more = nextOffset === undefined ? {} : { next_from: nextOffset + 1 }
    return says(JSON.stringify({ path, scope: found.scope, from, lines: shown, ...more, text }), {
      metadata: { path, scope: found.scope },
    })
  },
})
