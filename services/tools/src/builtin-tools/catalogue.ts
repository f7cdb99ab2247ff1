/** Every built-in tool the product knows, in the order in which they are offered, and what follows from their needs. */
import { browser } from '../browser/tool.ts'
import { exec } from '../exec/exec.ts'
import { edit } from '../files/edit.ts'
import { listFiles } from '../files/list-files.ts'
import { readFile } from '../files/read-file.ts'
import { writeFile } from '../files/write-file.ts'
import { datetime } from '../general/datetime.ts'
import { knowledgeGraphSearch } from '../memory/knowledge-graph-search.ts'
import { memoryGet } from '../memory/memory-get.ts'
import { memorySearch } from '../memory/memory-search.ts'
import { createAudio, createImage, createVideo } from '../media/making-tools.ts'
import { readAudio, readDocument, readImage, readVideo } from '../media/reading-tools.ts'
import { cron } from '../scheduling/cron.ts'
import { heartbeat } from '../scheduling/heartbeat.ts'
import { sessionsHistory, sessionsList, sessionsSend, sessionStatus } from '../sessions/tools.ts'
import type { BuiltinTool } from '../tool/define-tool.ts'
import { requirementsOf, type PortName } from '../tool/ports.ts'
import type { Tool } from '../tool/tool.ts'
import { tts } from '../tts/tool.ts'
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
  readImage,
  readDocument,
  createImage,
  readAudio,
  readVideo,
  createVideo,
  createAudio,
  tts,
  browser,
  sessionsList,
  sessionStatus,
  sessionsHistory,
  sessionsSend,
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

/** Ports that the installation has not set up, so that tools which need them can be run by nobody. */
export type Lacking = ReadonlySet<PortName>

const isLacking = ({ needs }: BuiltinTool, lacking: Lacking): boolean =>
  needs.some((need) => (lacking as ReadonlySet<string>).has(need))

/** The catalogue as an installation begins with it: what nobody can run there is switched off. */
export const catalogueFor = (lacking: Lacking): BuiltinTool[] =>
  catalogue.map((entry) => ({ ...entry, enabled: entry.enabled && !isLacking(entry, lacking) }))

/** The tools that can be offered at all, in the order of the catalogue, before any policy. */
export const availableTools = (
  settings: readonly Pick<ToolSetting, 'name' | 'enabled' | 'tenantEnabled'>[],
  lacking: Lacking = new Set(),
): Tool[] => {
  const enabled = new Set(settings.filter(isEnabled).map(({ name }) => name))
  return catalogue.flatMap((entry) =>
    entry.tool !== undefined && enabled.has(entry.name) && !isLacking(entry, lacking) ? [entry.tool] : [],
  )
}

/** What keeps a tool of the catalogue from being run by anybody; undefined for one that can be run, or is not in it. */
export const unmetNeedsOf = (name: string, lacking: Lacking = new Set()): readonly string[] | undefined => {
  const entry = catalogue.find((candidate) => candidate.name === name)
  return entry !== undefined && (entry.tool === undefined || isLacking(entry, lacking))
    ? requirementsOf(entry)
    : undefined
}
