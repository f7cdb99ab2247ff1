/** What `group:<name>` stands for in a policy, as the tools themselves declare it. */
import { catalogue } from '../builtin-tools/catalogue.ts'
import type { ToolGroup } from '../tool/define-tool.ts'

/** Tools that only some chats and servers bring along; a policy may name their group before they are there. */
const broughtAlong: readonly { name: string; groups: readonly ToolGroup[] }[] = [
  { name: 'create_forum_topic', groups: ['messaging'] },
  { name: 'list_group_members', groups: ['messaging'] },
  { name: 'mcp_tool_search', groups: ['goclaw'] },
]

const grouped = [...catalogue, ...broughtAlong].flatMap(({ name, groups }) =>
  (groups.length === 0 ? [] : [...new Set([...groups, 'goclaw' as const])]).map((group) => ({ name, group })),
)

/** The names in each group. */
export const toolGroups: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(Object.groupBy(grouped, ({ group }) => group)).map(([group, members]) => [
    group,
    members.map(({ name }) => name),
  ]),
)
