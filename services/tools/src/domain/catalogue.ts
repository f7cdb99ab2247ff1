/** Every built-in tool the product knows: what the table of tools is seeded with. Whether one runs here is another matter. */
import { builtinTools } from './builtin/index.ts'
import type { Tool } from './tool.ts'

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

export interface CatalogueEntry {
  name: string
  displayName: string
  /** For people who configure agents. */
  description: string
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

const entry = (
  category: ToolCategory,
  name: string,
  displayName: string,
  description: string,
  extras: Extras = {},
): CatalogueEntry => ({
  name,
  displayName,
  description,
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
  entry('filesystem', 'read_file', 'Read file', 'Reads text files of the workspace, in parts if they are long'),
  entry('filesystem', 'write_file', 'Write file', 'Writes or extends files of the workspace and can attach them'),
  entry('filesystem', 'list_files', 'List files', 'Shows what stands in a folder of the workspace'),
  entry('filesystem', 'edit', 'Edit file', 'Replaces a piece of text in a file, leaving the rest alone'),
  entry(
    'runtime',
    'exec',
    'Run command',
    'Runs a shell command in the workspace, within the rules for commands',
    hint('Config → Tools → Exec Approval'),
  ),
  entry(
    'web',
    'web_search',
    'Search the web',
    'Asks a search engine and returns titles, addresses and summaries',
    hint('Config → Tools → Web Search'),
  ),
  entry('web', 'web_fetch', 'Fetch web page', 'Loads a public page and returns its content as Markdown or text', {
    settings: webFetchSettings,
  }),
  entry('memory', 'memory_search', 'Search memory', 'Finds passages in the long-term memory of an agent', {
    requires: ['memory'],
  }),
  entry('memory', 'memory_get', 'Read memory', 'Reads a document of the long-term memory, whole or in part', {
    requires: ['memory'],
  }),
  entry(
    'memory',
    'knowledge_graph_search',
    'Search knowledge graph',
    'Finds people, projects and other things an agent knows of, and how they hang together',
    { requires: ['knowledge_graph'], settings: knowledgeGraphSettings },
  ),
  entry('media', 'read_image', 'Look at image', 'Answers questions about a picture', needsProvider('vision_provider')),
  entry(
    'media',
    'read_document',
    'Read document',
    'Answers questions about a PDF or office document',
    needsProvider('document_provider'),
  ),
  entry(
    'media',
    'create_image',
    'Make image',
    'Makes a picture from a description',
    needsProvider('image_gen_provider'),
  ),
  entry(
    'media',
    'read_audio',
    'Listen to audio',
    'Answers questions about a recording',
    needsProvider('audio_provider'),
  ),
  entry('media', 'read_video', 'Watch video', 'Answers questions about a video', needsProvider('video_provider')),
  entry(
    'media',
    'create_video',
    'Make video',
    'Makes a short video from a description',
    needsProvider('video_gen_provider'),
  ),
  entry(
    'media',
    'create_audio',
    'Make music or sound',
    'Makes music or a sound effect from a description',
    needsProvider('audio_gen_provider'),
  ),
  entry('media', 'tts', 'Speak', 'Turns text into speech', { requires: ['tts_provider'], ...hint('Config → TTS') }),
  entry('browser', 'browser', 'Browser', 'Drives a web browser: opens pages, reads them, clicks and types', {
    requires: ['browser'],
    ...hint('Config → Tools → Browser'),
  }),
  entry('sessions', 'sessions_list', 'List sessions', 'Shows the conversations of the agent'),
  entry('sessions', 'session_status', 'Session status', 'Shows model, size and state of a conversation'),
  entry('sessions', 'sessions_history', 'Session history', 'Reads the messages of a conversation'),
  entry('sessions', 'sessions_send', 'Send to session', 'Puts a message into another conversation of the agent'),
  entry('messaging', 'message', 'Send message', 'Sends a message or a file to a chat on a channel'),
  entry('scheduling', 'cron', 'Schedule', 'Keeps jobs that run at a time or again and again', hint('Config → Cron')),
  entry(
    'subagents',
    'spawn',
    'Spawn subagent',
    'Has a helper work on a task, in the background or until it is done',
    hint('Config → Agents Defaults'),
  ),
  entry('skills', 'skill_search', 'Search skills', 'Finds skills that fit a task'),
  entry('skills', 'use_skill', 'Use skill', 'Marks in the trace that a skill is being used'),
  entry('skills', 'publish_skill', 'Publish skill', 'Stores a skill folder of the workspace for later use'),
  entry('skills', 'skill_manage', 'Manage skills', 'Makes, changes and removes skills of the agent'),
  entry('teams', 'team_tasks', 'Team tasks', 'Works on the shared task board of a team of agents', {
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
