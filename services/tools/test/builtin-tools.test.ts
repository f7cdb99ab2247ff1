import { availableTools, catalogue, isEnabled, isImplemented } from '../src/builtin-tools/catalogue.ts'
import { builtinTools } from '../src/builtin-tools/tools.ts'
import { toolGroups } from '../src/policy/policy.ts'

const find = (name: string) => catalogue.find((entry) => entry.name === name)!

test('holds the 31 tools, each once, with a text in each place', () => {
  expect(catalogue.map(({ name }) => name)).toEqual([
    ...['read_file', 'write_file', 'list_files', 'edit', 'exec', 'web_search', 'web_fetch'],
    ...['memory_search', 'memory_get', 'knowledge_graph_search'],
    ...[
      'read_image',
      'read_document',
      'create_image',
      'read_audio',
      'read_video',
      'create_video',
      'create_audio',
      'tts',
    ],
    ...['browser', 'sessions_list', 'session_status', 'sessions_history', 'sessions_send', 'message', 'cron', 'spawn'],
    ...['skill_search', 'use_skill', 'publish_skill', 'skill_manage', 'team_tasks'],
  ])
  for (const entry of catalogue) {
    expect(entry.displayName.length).toBeGreaterThan(0)
    expect(entry.name.length).toBeLessThanOrEqual(100)
    expect(JSON.parse(JSON.stringify(entry))).toEqual(entry)
  }
})

test('only media tools are off to begin with, and speech is on', () => {
  const off = catalogue.filter(({ enabled }) => !enabled).map(({ name }) => name)
  expect(off).toEqual([
    'read_image',
    'read_document',
    'create_image',
    'read_audio',
    'read_video',
    'create_video',
    'create_audio',
  ])
  expect(find('read_image').requires).toEqual(['vision_provider'])
  expect(find('tts')).toMatchObject({ requires: ['tts_provider'], metadata: { config_hint: 'Config → TTS' } })
})

test('web_fetch does not send addresses to a third party', () => {
  expect(find('web_fetch').settings).toEqual({
    extractors: [
      { name: 'defuddle', enabled: false, base_url: 'https://fetch.goclaw.sh/', max_retries: 2 },
      { name: 'html-to-markdown', enabled: true },
    ],
  })
})

test('every tool with code is in the catalogue; the others are not on offer whatever their row says', () => {
  const known = catalogue.map(({ name }) => name)
  for (const name of builtinTools.keys()) expect(known).toContain(name)
  expect(isImplemented('read_file')).toBe(true)
  expect(isImplemented('exec')).toBe(false)
  const states = [...known, 'stranger'].map((name) => ({ name, enabled: true }))
  expect(new Set(availableTools(states).map(({ name }) => name))).toEqual(new Set(builtinTools.keys()))
})

test('a tenant can switch off and not on', () => {
  expect(isEnabled({ enabled: true })).toBe(true)
  expect(isEnabled({ enabled: true, tenantEnabled: null })).toBe(true)
  expect(isEnabled({ enabled: true, tenantEnabled: false })).toBe(false)
  expect(isEnabled({ enabled: false, tenantEnabled: true })).toBe(false)
  const states = [
    { name: 'edit', enabled: true, tenantEnabled: false },
    { name: 'web_fetch', enabled: false, tenantEnabled: true },
    { name: 'read_file', enabled: true },
  ]
  expect(availableTools(states).map(({ name }) => name)).toEqual(['read_file'])
})

test('groups name tools of the catalogue, or such as exist only on some channels', () => {
  const elsewhere = ['create_forum_topic', 'list_group_members', 'mcp_tool_search']
  const known = new Set([...catalogue.map(({ name }) => name), ...elsewhere])
  for (const name of Object.values(toolGroups).flat()) expect(known).toContain(name)
})
