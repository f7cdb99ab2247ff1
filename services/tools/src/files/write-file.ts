import { posix } from 'node:path'
import { z } from 'zod'
import { targetOf, type Target } from './target.ts'
import { checkTeamFile, checkTeamWriter } from './team-files.ts'
import { errnoOf } from '../tool/tool-error.ts'
import { defineTool } from '../tool/define-tool.ts'
import { says } from '../tool/tool.ts'
import { appendFile, removeFile, withFile, writeFile as write } from '../workspace/index.ts'

type FileTarget = Extract<Target, { kind: 'file' }>

const exists = ({ workspace }: FileTarget, path: string): Promise<boolean> =>
  withFile(workspace, path, async () => true).catch((thrown: unknown) => {
    if (errnoOf(thrown) === 'ENOENT') return false
    throw thrown
  })

export const writeFile = defineTool({
  name: 'write_file',
  displayName: 'Write file',
  category: 'filesystem',
  groups: ['fs'],
  needs: ['workspace'],
  description:
    'Write a text file into the workspace, replacing what was there, or add to its end. Missing folders are made. ' +
    'Unless deliver is false the file is attached to your reply. In a team workspace, writing a file empty removes it.',
  parameters: z.object({
    path: z.string().min(1).describe('Path of the file, relative to the workspace'),
    content: z.string().describe('The text'),
    append: z.boolean().default(false).describe('Add to the end instead of replacing'),
    deliver: z.boolean().default(true).describe('Attach the file to the reply'),
  }),
  run: async ({ path, content, append, deliver }, context) => {
    const bytes = Buffer.byteLength(content)
    const target = targetOf(context, path, 'write')
    if (target.kind === 'document') {
      await (append ? target.document.append(content) : target.document.write(content))
      return says(`${append ? 'Added to' : 'Wrote'} ${path} (${bytes} bytes)`, { metadata: { path, bytes } })
    }
    if (target.team) {
      checkTeamWriter(target.team)
      if (content === '' && !append) {
        await removeFile(target.workspace, path)
        return says(`Removed ${path}`, { metadata: { path, removed: true } })
      }
      if (!(await exists(target, path))) await checkTeamFile(target.team, path)
    }
    const names = await (append ? appendFile : write)(target.workspace, path, content)
    const where = names.join('/')
    return says(`${append ? 'Added to' : 'Wrote'} ${where} (${bytes} bytes)`, {
      metadata: { path: where, bytes, ...(deliver ? { deliver: [posix.join(target.workspace.path, where)] } : {}) },
    })
  },
})
