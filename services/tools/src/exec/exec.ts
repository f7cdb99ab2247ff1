import { z } from 'zod'
import { defineTool } from '../tool/define-tool.ts'

/** The wait for an operator, and the longest run. */
const timeoutMs = 120_000 + 600_000 + 10_000

export const exec = defineTool({
  name: 'exec',
  displayName: 'Run command',
  category: 'runtime',
  groups: ['runtime'],
  needs: ['shell'],
  configHint: 'Config → Tools → Exec Approval',
  description:
    'Run a shell command in the workspace. It ends with what it has started; nothing goes on in the background afterwards.',
  timeoutMs,
  parameters: z.object({
    command: z.string().describe('The command, as bash reads it'),
    working_dir: z.string().default('.').describe('Folder to run it in, relative to the workspace'),
  }),
  run: ({ command, working_dir: workingDir }, { shell, signal }) => shell.run({ command, workingDir, signal }),
})
