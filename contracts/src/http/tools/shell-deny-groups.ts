import { z } from 'zod'
import { defineHttpTable } from '../operation.ts'

const denyGroup = z
  .object({
    name: z.string(),
    description: z.string(),
    default: z.boolean().describe('Whether its commands are denied until an agent or the installation allows them'),
  })
  .meta({ id: 'ShellDenyGroup', description: 'Commands that agents may not run' })

export const shellDenyGroups = defineHttpTable('tools', {
  listShellDenyGroups: {
    method: 'GET',
    path: '/v1/shell-deny-groups',
    role: 'viewer',
    summary: 'The groups of shell commands that agents may not run',
    rules: {
      listsFifteenInOrder: 'There are fifteen groups, always in the same order, each denied by default',
      tellsNoPatterns: 'How commands are recognised is not told',
      areOverridden:
        'What an agent says of a group in `other_config.shell_deny_groups` (true denies, false allows) holds, else what the installation says in `tools.shellDenyGroups`',
    },
    response: { 200: z.object({ groups: z.array(denyGroup) }) },
    errors: [],
  },
})
