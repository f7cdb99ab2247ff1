import { z } from 'zod'
import { targetOf } from '../target.ts'
import { checkTeamWriter } from '../team-files.ts'
import { toolError } from '../tool-error.ts'
import { defineTool, says } from '../tool.ts'
import { changeFile } from '../workspace/index.ts'
import { fileMutex } from '../workspace/file-mutex.ts'

interface Change {
  path: string
  old_string: string
  new_string: string
  replace_all: boolean
}

/** The changed text and how often it was changed. @throws TOOL_ERROR unless the old text is there, once */
const replaceText = (text: string | undefined, change: Change): { text: string; count: number } => {
  const { path, old_string: wanted, new_string: replacement, replace_all: all } = change
  if (text === undefined) throw toolError(`there is no ${path}; use write_file to make it`)
  const parts = text.split(wanted)
  const count = parts.length - 1
  if (count === 0) throw toolError(`old_string does not occur in ${path}; it must match exactly, blanks included`)
  if (count > 1 && !all) {
    throw toolError(`old_string occurs ${count} times in ${path}; give more of its surroundings or set replace_all`)
  }
  return { text: parts.join(replacement), count }
}

export const edit = defineTool({
  name: 'edit',
  description:
    'Replace a piece of text in a file. The old text must match exactly and occur once, unless replace_all is set.',
  parameters: z.object({
    path: z.string().min(1).describe('Path of the file, relative to the workspace'),
    old_string: z.string().min(1).describe('The text to replace'),
    new_string: z.string().describe('What to put in its place'),
    replace_all: z.boolean().default(false).describe('Replace every occurrence'),
  }),
  run: async (change, context) => {
    const { path } = change
    if (change.old_string === change.new_string) throw toolError('old_string and new_string are the same')
    const target = targetOf(context, path, 'write')
    let count = 0
    const changed = (old: string | undefined): string => {
      const result = replaceText(old, change)
      count = result.count
      return result.text
    }
    if (target.kind === 'document') {
      const { document } = target
      await fileMutex([context.tenantId, context.agent?.id, context.userId, path].join(' '), async () =>
        document.write(changed(await document.read())),
      )
    } else {
      if (target.team) checkTeamWriter(target.team)
      await changeFile(target.workspace, path, changed)
    }
    return says(`Replaced ${count} occurrence${count === 1 ? '' : 's'} in ${path}`, { metadata: { path, count } })
  },
})
