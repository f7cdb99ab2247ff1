/** Every built-in tool the product knows: what the table of tools is seeded with. Whether one runs here is another matter. */
import type { MessageKey } from '@clawmesh/contracts'
import { builtinTools } from './tools.ts'
import type { Tool } from '../tool/tool.ts'

/** Tools that there is a description for. */
type ToolName = MessageKey extends infer K ? (K extends `core.tool.${infer N}` ? N : never) : never

export type ToolCategory =
  | 'filesystem'
  | 'runtime'
  | 'web'
  | 'memory'
  | 'media'
  | 'browser'
  | 'sessions'
  | 'messaging'
  | 'scheduling'
  | 'subagents'
  | 'skills'
  | 'teams'
  | 'general'

/** Its description for people is the message `core.tool.<name>`. */
export interface CatalogueEntry {
  name: ToolName
  displayName: string
  category: ToolCategory
  /** Until somebody switches it. */
  enabled: boolean
  settings: Record<string, unknown>
  /** What it needs to be of use; for information. */
  requires: readonly string[]
  /** `config_hint`: where in the dashboard it is configured. */
  metadata: Record<string, unknown>
}

type Extras = Partial<Pick<CatalogueEntry, 'enabled' | 'settings' | 'requires' | 'metadata'>>

const entry = (category: ToolCategory, name: ToolName, displayName: string, extras: Extras = {}): CatalogueEntry => ({
  name,
  displayName,
  category,
  enabled: true,
  settings: {},
  requires: [],
  metadata: {},
  ...extras,
})

const hint = (text: string): Extras => ({ metadata: { config_hint: text } })
/** Media tools stay off until a chain of providers is set for them. */
const needsProvider = (kind: string): Extras => ({ enabled: false, requires: [kind] })

const webFetchSettings = {
  extractors: [
    // Off: it sends the addresses that agents visit to somebody else.
    { name: 'defuddle', enabled: false, base_url: 'https://fetch.goclaw.sh/', max_retries: 2 },
    { name: 'html-to-markdown', enabled: true },
  ],
}

const knowledgeGraphSettings = {
  extract_on_memory_write: false,
  extraction_provider: '',
  extraction_model: '',
  min_confidence: 0.75,
}

export const catalogue: readonly CatalogueEntry[] = [
  entry('filesystem', 'read_file', 'Read file'),
  entry('filesystem', 'write_file', 'Write file'),
  entry('filesystem', 'list_files', 'List files'),
  entry('filesystem', 'edit', 'Edit file'),
  entry('runtime', 'exec', 'Run command', hint('Config → Tools → Exec Approval')),
  entry('web', 'web_search', 'Search the web', hint('Config → Tools → Web Search')),
  entry('web', 'web_fetch', 'Fetch web page', {
    settings: webFetchSettings,
  }),
  entry('memory', 'memory_search', 'Search memory', {
    requires: ['memory'],
  }),
  entry('memory', 'memory_get', 'Read memory', {
    requires: ['memory'],
  }),
  entry('memory', 'knowledge_graph_search', 'Search knowledge graph', {
    requires: ['knowledge_graph'],
    settings: knowledgeGraphSettings,
  }),
  entry('media', 'read_image', 'Look at image', needsProvider('vision_provider')),
  entry('media', 'read_document', 'Read document', needsProvider('document_provider')),
  entry('media', 'create_image', 'Make image', needsProvider('image_gen_provider')),
  entry('media', 'read_audio', 'Listen to audio', needsProvider('audio_provider')),
  entry('media', 'read_video', 'Watch video', needsProvider('video_provider')),
  entry('media', 'create_video', 'Make video', needsProvider('video_gen_provider')),
  entry('media', 'create_audio', 'Make music or sound', needsProvider('audio_gen_provider')),
  entry('media', 'tts', 'Speak', { requires: ['tts_provider'], ...hint('Config → TTS') }),
  entry('browser', 'browser', 'Browser', {
    requires: ['browser'],
    ...hint('Config → Tools → Browser'),
  }),
  entry('sessions', 'sessions_list', 'List sessions'),
  entry('sessions', 'session_status', 'Session status'),
  entry('sessions', 'sessions_history', 'Session history'),
  entry('sessions', 'sessions_send', 'Send to session'),
  entry('messaging', 'message', 'Send message'),
  entry('scheduling', 'cron', 'Schedule', hint('Config → Cron')),
  entry('subagents', 'spawn', 'Spawn subagent', hint('Config → Agents Defaults')),
  entry('skills', 'skill_search', 'Search skills'),
  entry('skills', 'use_skill', 'Use skill'),
  entry('skills', 'publish_skill', 'Publish skill'),
  entry('skills', 'skill_manage', 'Manage skills'),
  entry('teams', 'team_tasks', 'Team tasks', {
    requires: ['managed_mode', 'teams'],
  }),
]

/** Whether a tool of the catalogue has code here; others are never offered to agents nor run. */
export const isImplemented = (name: string): boolean => builtinTools.has(name)

/** How a tool stands: its row in the table, and what the tenant says about it. */
export interface ToolState {
  name: string
  enabled: boolean
  /** Null or absent without a say. */
  tenantEnabled?: boolean | null | undefined
}

/** A tenant can take away what is switched on, not the other way round. */
export const isEnabled = (state: Pick<ToolState, 'enabled' | 'tenantEnabled'>): boolean =>
  state.enabled && state.tenantEnabled !== false

/** The tools that can be offered at all, in the order of the catalogue, before any policy. */
export const availableTools = (states: readonly ToolState[]): Tool[] => {
  const enabled = new Set(states.filter(isEnabled).map(({ name }) => name))
  return catalogue.flatMap(({ name }) => (enabled.has(name) ? (builtinTools.get(name) ?? []) : []))
}
