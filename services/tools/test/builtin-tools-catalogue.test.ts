import { catalogues } from '@clawmesh/contracts'
import type { MediaProvider } from '@clawmesh/contracts/gen/clawmesh/providers/v1/providers.ts'
import { linksOf } from '../src/media/chain.ts'
import { availableTools, catalogue, catalogueFor, unmetNeedsOf } from '../src/builtin-tools/catalogue.ts'
import { toolGroups } from '../src/policy/groups.ts'
import { requirementsOf } from '../src/tool/ports.ts'
import { parametersSchema } from '../src/tool/tool.ts'
import { contractTools, ofContract } from './contract-tools.ts'

const find = (name: string) => catalogue.find((entry) => entry.name === name)!
const switchedOn = (name: string) => ({ name, enabled: true, tenantEnabled: null })

test('holds the tools of the contract in its order, each once, with a text in each place', () => {
  const names = catalogue.map(({ name }) => name)
  expect(ofContract(names)).toEqual(contractTools)
  expect(new Set(names).size).toBe(names.length)
  const described = Object.keys(catalogues.en).filter((key) => key.startsWith('core.tool.'))
  expect(described.toSorted()).toEqual(names.map((name) => `core.tool.${name}`).toSorted())
  for (const { name, displayName } of catalogue) {
    expect(displayName.length).toBeGreaterThan(0)
    expect(name.length).toBeLessThanOrEqual(100)
  }
})

test('a tool can be run, or is off and says what it needs; media tools are off until somebody wants them', () => {
  for (const entry of catalogue) {
    const { name, enabled, tool, category } = entry
    const isOffered = tool !== undefined && (category !== 'media' || name === 'tts')
    expect([name, enabled]).toEqual([name, isOffered])
    if (tool === undefined) expect([name, requirementsOf(entry)]).not.toEqual([name, []])
    expect(unmetNeedsOf(name)).toEqual(tool === undefined ? requirementsOf(entry) : undefined)
  }
  expect(requirementsOf(find('read_image'))).toEqual(['vision_provider'])
  expect(requirementsOf(find('memory_search'))).toEqual(['memory'])
  expect(requirementsOf(find('knowledge_graph_search'))).toEqual(['knowledge_graph'])
  expect(requirementsOf(find('read_file'))).toEqual([])
  expect(unmetNeedsOf('stranger')).toBeUndefined()
})

test('models are told of arguments what they need, and not what only we can use', () => {
  const written = catalogue.flatMap(({ tool }) => (tool ? [JSON.stringify(parametersSchema(tool))] : []))
  expect(written.length).toBeGreaterThan(20)
  for (const text of written) {
    expect(text).not.toMatch(/"maxLength"|9007199254740991|"format":"[^"]*","pattern"|isBrief/)
    expect(text.length).toBeLessThan(2_500)
  }
})

test('what can be configured says where', () => {
  const hints = catalogue.flatMap(({ name, metadata }) => ('config_hint' in metadata ? [[name, metadata]] : []))
  expect(Object.fromEntries(hints)).toEqual({
    exec: { config_hint: 'Config → Tools → Exec Approval' },
    web_search: { config_hint: 'Config → Tools → Web Search' },
    tts: { config_hint: 'Config → TTS' },
    browser: { config_hint: 'Config → Tools → Browser' },
    cron: { config_hint: 'Config → Cron' },
    heartbeat: { config_hint: 'Config → Cron' },
    spawn: { config_hint: 'Config → Agents Defaults' },
  })
  expect(find('read_file').metadata).toEqual({})
})

test('what the contract says of its tools is so: where they stand, what they require and how they are set', () => {
  const seeded: Record<string, [names: string[], requires?: (name: string) => string[]]> = {
    filesystem: [['read_file', 'write_file', 'list_files', 'edit']],
    runtime: [['exec']],
    web: [['web_search', 'web_fetch']],
    memory: [
      ['memory_search', 'memory_get', 'knowledge_graph_search'],
      (name) => [name.startsWith('memory') ? 'memory' : 'knowledge_graph'],
    ],
    media: [
      [
        'read_image',
        'read_document',
        'create_image',
        'read_audio',
        'read_video',
        'create_video',
        'create_audio',
        'tts',
      ],
      (name) => [
        {
          ...{ read_image: 'vision', read_document: 'document', create_image: 'image_gen', read_audio: 'audio' },
          ...{ read_video: 'video', create_video: 'video_gen', create_audio: 'audio_gen', tts: 'tts' },
        }[name] + '_provider',
      ],
    ],
    browser: [['browser'], () => ['browser']],
    sessions: [['sessions_list', 'session_status', 'sessions_history', 'sessions_send']],
    messaging: [['message'], () => ['channels']],
    scheduling: [['cron']],
    subagents: [['spawn'], () => ['subagents']],
    skills: [['skill_search', 'use_skill', 'publish_skill', 'skill_manage'], () => ['skills']],
    teams: [['team_tasks'], () => ['managed_mode', 'teams']],
  }
  for (const [category, [names, requires = () => []]] of Object.entries(seeded))
    for (const name of names)
      expect([name, find(name).category, requirementsOf(find(name))]).toEqual([name, category, requires(name)])
  expect(find('knowledge_graph_search').settings).toEqual({
    ...{ extract_on_memory_write: false, extraction_provider: '', extraction_model: '', min_confidence: 0.75 },
  })
  const unset = catalogue.filter(({ name }) => !['web_fetch', 'knowledge_graph_search'].includes(name))
  expect(unset.filter(({ settings }) => Object.keys(settings).length > 0)).toEqual([])
})

test('a link of a media chain has two minutes and two tries more unless it says otherwise, a video ten minutes', () => {
  const known = [{ id: '1', name: 'a', alias: '', model: 'm', byDefault: true }] as MediaProvider[]
  const linksAt = (tool: string, settings: unknown) =>
    linksOf({ tool, settings, toolsConfigJson: '', known }).map(({ timeoutMs, attempts }) => [timeoutMs, attempts])
  const link = { provider: 'a', enabled: true }
  expect(linksAt('create_image', {})).toEqual([[120_000, 3]])
  expect(linksAt('create_image', { providers: [link] })).toEqual([[120_000, 3]])
  expect(linksAt('create_image', { providers: [{ ...link, timeout: 5, max_retries: 0 }] })).toEqual([[5_000, 1]])
  expect(linksAt('create_video', {})).toEqual([[600_000, 3]])
})

test('web_fetch does not send addresses to a third party', () => {
  expect(find('web_fetch').settings).toEqual({
    extractors: [
      { name: 'defuddle', enabled: false, base_url: 'https://fetch.goclaw.sh/', max_retries: 2 },
      { name: 'html-to-markdown', enabled: true },
    ],
  })
})

test('tools without code are not on offer whatever their row says', () => {
  const states = [...catalogue.map(({ name }) => name), 'stranger'].map(switchedOn)
  const planned = ['message', 'spawn', 'skill_search', 'use_skill', 'publish_skill', 'skill_manage', 'team_tasks']
  const offered = availableTools(states).map(({ name }) => name)
  expect(offered).toEqual(catalogue.map(({ name }) => name).filter((name) => !planned.includes(name)))
})

test('what the installation has not set up is offered to nobody, and is what the tools that need it say', () => {
  const lacking = new Set(['ttsProvider'] as const)
  const offered = availableTools(
    catalogue.map(({ name }) => switchedOn(name)),
    lacking,
  )
  expect(offered.map(({ name }) => name)).toEqual(
    catalogue.filter(({ name, tool }) => tool !== undefined && name !== 'tts').map(({ name }) => name),
  )
  expect(unmetNeedsOf('tts', lacking)).toEqual(['tts_provider'])
  expect(catalogueFor(lacking).map(({ name, enabled }) => [name, enabled])).toEqual(
    catalogue.map(({ name, enabled }) => [name, enabled && name !== 'tts']),
  )
  expect(unmetNeedsOf('read_file', lacking)).toBeUndefined()
})

test('a tenant can switch off and not on', () => {
  const states = [
    { name: 'edit', enabled: true, tenantEnabled: false },
    { name: 'web_fetch', enabled: false, tenantEnabled: true },
    { name: 'list_files', enabled: false, tenantEnabled: null },
    { name: 'write_file', enabled: true, tenantEnabled: true },
    switchedOn('read_file'),
  ]
  expect(availableTools(states).map(({ name }) => name)).toEqual(['read_file', 'write_file'])
})

test('groups follow from the tools, and goclaw holds all that are in one', () => {
  expect(ofContract(toolGroups['fs']!)).toEqual(['read_file', 'write_file', 'list_files', 'edit'])
  expect(toolGroups['messaging']).toEqual(['message', 'create_forum_topic', 'list_group_members'])
  expect(toolGroups['sessions']!.toSorted()).toEqual(
    ['sessions_list', 'sessions_history', 'sessions_send', 'spawn', 'session_status'].toSorted(),
  )
  const grouped = catalogue.filter(({ groups }) => groups.length > 0).map(({ name }) => name)
  for (const name of ['datetime', 'knowledge_graph_search', 'use_skill', 'publish_skill', 'skill_manage'])
    expect(toolGroups['goclaw']).not.toContain(name)
  expect(toolGroups['goclaw']).toEqual([...grouped, 'create_forum_topic', 'list_group_members', 'mcp_tool_search'])
})
