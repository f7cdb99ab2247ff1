import { z } from 'zod'
import { targetOf } from './target.ts'
import { toolError } from '../tool/tool-error.ts'
import { defineTool } from '../tool/define-tool.ts'
import { says } from '../tool/tool.ts'
import { listFolder, type Entry } from '../workspace/index.ts'

const mostEntries = 1000

/** A name cannot break out of its line. */
const shown = (name: string): string => name.replace(/\p{Cc}/gu, '?')

const line = ({ name, kind, sizeBytes }: Entry): string =>
  kind === 'directory' ? `[DIR]  ${shown(name)}/` : `[FILE] ${shown(name)} (${sizeBytes} bytes)`

export const listFiles = defineTool({
  name: 'list_files',
  displayName: 'List files',
  category: 'filesystem',
  groups: ['fs'],
  needs: ['workspace'],
  description: 'List the files and folders in a folder of the workspace.',
  parameters: z.object({
    path: z.string().default('.').describe('Path of the folder, relative to the workspace'),
  }),
  run: async ({ path }, context) => {
    const target = targetOf(context, path, 'read')
    if (target.kind === 'document') throw toolError(`${path} is no folder: read it with read_file`)
    const { entries, total } = await listFolder(target.workspace, path, mostEntries)
    const more = total > mostEntries ? [`[${total - mostEntries} more entries are not shown]`] : []
    return says(entries.length === 0 ? '(empty folder)' : [...entries.map(line), ...more].join('\n'), {
      metadata: { path, count: entries.length },
    })
  },
})
