/** Every built-in tool the product knows, in the order in which they are offered, and what follows from their needs. */
import { exec } from '../exec/exec.ts'
import { edit } from '../files/edit.ts'
import { listFiles } from '../files/list-files.ts'
import { readFile } from '../files/read-file.ts'
import { writeFile } from '../files/write-file.ts'
import { datetime } from '../general/datetime.ts'
import { knowledgeGraphSearch } from '../memory/knowledge-graph-search.ts'
import { memoryGet } from '../memory/memory-get.ts'
import { memorySearch } from '../memory/memory-search.ts'
import { cron } from '../scheduling/cron.ts'
import { heartbeat } from '../scheduling/heartbeat.ts'
import type { BuiltinTool } from '../tool/define-tool.ts'
import type { Tool } from '../tool/tool.ts'
import { webSearch } from '../web/search/web-search.ts'
import { webFetch } from '../web/web-fetch.ts'
import * as planned from './planned.ts'
import type { ToolSetting } from './types.ts'

export const catalogue: readonly BuiltinTool[] = [
  readFile,
  writeFile,
  listFiles,
  edit,
  exec,
  webSearch,
  webFetch,
  memorySearch,
  memoryGet,
  knowledgeGraphSearch,
  ...planned.mediaTools,
  planned.browser,
  ...planned.sessionTools,
  planned.message,
  cron,
  heartbeat,
  planned.spawn,
  ...planned.skillTools,
  planned.teamTasks,
  datetime,
]

/** A tenant can take away what is switched on, not the other way round. */
const isEnabled = ({ enabled, tenantEnabled }: Pick<ToolSetting, 'enabled' | 'tenantEnabled'>): boolean =>
  enabled && tenantEnabled !== false

/** The tools that can be offered at all, in the order of the catalogue, before any policy. */
export const availableTools = (
  settings: readonly Pick<ToolSetting, 'name' | 'enabled' | 'tenantEnabled'>[],
): Tool[] => {
  const enabled = new Set(settings.filter(isEnabled).map(({ name }) => name))
  return catalogue.flatMap(({ name, tool }) => (tool !== undefined && enabled.has(name) ? [tool] : []))
}

/** What keeps a tool of the catalogue from being run by anybody; undefined for one that can be run, or is not in it. */
export const unmetNeedsOf = (name: string): readonly string[] | undefined =>
  catalogue.find((entry) => entry.name === name && entry.tool === undefined)?.needs
