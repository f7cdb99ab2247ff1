/** What the mesh says, in all its languages. */
import { globSync, readdirSync, readFileSync } from 'node:fs'
import {
  catalogues,
  errorBody,
  errorKinds,
  isMessageKey,
  locales,
  MeshError,
  pickLocale,
  translate,
  type ErrorCode,
  type Locale,
  type MessageKey,
} from '../src/index.ts'

const { en } = catalogues
const keys = Object.keys(en) as MessageKey[]
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!).sort()
/** A text that is nothing but its parts has nothing to translate. */
const hasWords = (text: string): boolean => text.replace(/\{\w+\}/g, '').trim() !== ''

test('there is a catalogue for every language, and the tests know them all', () => {
  expect([...locales].sort()).toEqual(Object.keys(catalogues).sort())
})

describe.each(locales)('%s', (locale) => {
  const catalogue = catalogues[locale]

  it('has exactly the texts that English has', () => {
    expect(Object.keys(catalogue).sort()).toEqual([...keys].sort())
  })

  it.each(keys)('%s has the parts that English has, each as often', (key) => {
    expect(placeholders(catalogue[key])).toEqual(placeholders(en[key]))
    expect(catalogue[key].trim()).not.toBe('')
    expect(catalogue[key].replace(/\{\w+\}/g, '')).not.toMatch(/[{}]/)
  })
})

it.each(keys.filter((key) => hasWords(en[key])))('%s is another text in every language', (key) => {
  expect(new Set(locales.map((locale) => catalogues[locale][key])).size).toBe(locales.length)
})

/** Letters that English lacks: what has none of them was not translated. */
const letters = { vi: /[à-ỹđ]/iu, zh: /\p{Script=Han}/u }

it.each(keys.filter((key) => hasWords(en[key])))('%s is in the words of its language', (key) => {
  for (const [locale, own] of Object.entries(letters)) expect(catalogues[locale as 'vi'][key]).toMatch(own)
  // Names of the wire stand alone; a run of English words was left over.
  expect(catalogues.zh[key].replace(/X-[A-Za-z-]+/g, '')).not.toMatch(/[A-Za-z]+ [a-z]+ [a-z]+/)
})

it('has what the wire contract lists', () => {
  const listed =
    `required invalid_id not_found already_exists invalid_request invalid_json unauthorized permission_denied
    internal invalid_slug failed_to_list failed_to_create failed_to_update failed_to_delete failed_to_save invalid_updates
    agent_not_found cannot_delete_default user_ctx_required rate_limit no_user_message user_id_required message_required
    invalid_channel_type instance_not_found job_not_found invalid_cron_expr config_hash_mismatch exec_approval_disabled
    sender_channel_required code_required sender_id_required invalid_auth messages_required user_id_header file_too_large
    missing_file_field invalid_filename channel_key_required method_not_allowed streaming_not_supported owner_only no_access
    already_summoning summoning_unavailable no_description invalid_path queue_full shutting_down provider_request_failed
    unknown_method not_implemented links_not_configured invalid_direction source_target_same cannot_delegate_open
    no_updates_provided invalid_link_status teams_not_configured agent_is_team_lead cannot_remove_team_lead
    cannot_delete_default_inst cannot_remove_last_writer skills_update_not_supported cannot_resolve_skill_id
    invalid_log_action raw_config_required raw_patch_required cannot_delete_skills_dir failed_to_read_file file_not_found
    invalid_version version_not_found failed_to_delete_file no_pending_oauth failed_to_save_token entity_id_required
    entity_fields_required text_required provider_model_required invalid_provider_or_model invalid_role
    contact_ids_required merge_target_required tenant_user_not_found tenant_mismatch tenant_scope_required`
      .split(/\s+/)
      .map((name) => `error.${name}`)
  const replies = `working detailed phase_thinking phase_tool_exec phase_tools phase_compact phase_default cancelled
    injected_ack`
    .split(/\s+/)
    .map((name) => `status.${name}`)
  const skills = ['skill.nudge_postscript', 'skill.nudge_70_pct', 'skill.nudge_90_pct']
  expect([...listed, ...replies, ...skills].filter((key) => !isMessageKey(key))).toEqual([])
})

it('puts parts that are words into the language of the text, and leaves names as they are', () => {
  const notFound = (locale: Locale, kind: string) => translate(locale, 'error.not_found', { kind, id: 'api key' })
  expect(locales.map((locale) => notFound(locale, 'api key'))).toEqual([
    'api key not found: api key',
    'không tìm thấy khóa API: api key',
    '未找到 API 密钥：api key',
  ])
  expect(notFound('zh', 'no such kind')).toBe('未找到 no such kind：api key')
  const role = { field: 'messages.role', reason: 'unknown role', role: '{field}' }
  expect(translate('zh', 'error.invalid_request', role)).toBe('请求无效：messages.role：未知角色 {field}')
})

it('shows the name of a text that is not here, as another version may send it', () => {
  expect(translate('vi', 'error.of_tomorrow' as MessageKey)).toBe('error.of_tomorrow')
})

/** Those that a file's own helper for errors, such as `refused('only images are taken')`, is called with. */
const wordsOfHelpers =
  (part: string) =>
  (source: string): string[] =>
    [
      ...source.matchAll(new RegExp(`const (\\w+) = \\(${part}: string[^)]*\\)[^\\n]*=>\\s+new MeshError`, 'g')),
    ].flatMap(([, name]) => [...source.matchAll(new RegExp(`\\b${name}\\('([^']+)'`, 'g'))].map(([, word]) => word!))

/** Every literal word that the sources fill a text with. */
const wordsInSources = (part: string): string[] => {
  const root = new URL('../..', import.meta.url)
  const modules = ['chassis', 'gateway', ...readdirSync(new URL('services', root)).map((name) => `services/${name}`)]
  const sources = modules.flatMap((module) =>
    globSync(`${module}/src/**/*.ts`, { cwd: root.pathname, exclude: ['**/db/client/**'] }).map((file) =>
      readFileSync(new URL(file, root), 'utf8'),
    ),
  )
  const errors = sources.flatMap((source) => [
    ...source.matchAll(/new MeshError\(\s*'\w+',\s*'[\w.]+',\s*\{([^{}]*)\}/g),
  ])
  const literal = new RegExp(`\\b${part}: '([^']+)'`)
  return [...errors.flatMap(([, params]) => literal.exec(params!)?.[1] ?? []), ...sources.flatMap(wordsOfHelpers(part))]
}

it.each(['kind', 'action', 'reason'])('knows every %s that the sources name', (part) => {
  const named = wordsInSources(part)
  expect(named.length).toBeGreaterThan(0)
  const unknown = named.filter((word) => !isMessageKey(`${part}.${word.toLowerCase().replace(/[^a-z0-9]+/g, '_')}`))
  expect(unknown).toEqual([])
})

it('leaves no part of a text unfilled, and fills it with what is given, as it is', () => {
  expect(translate('en', 'error.not_found', { kind: 'agent', id: '{kind}$&' })).toBe('agent not found: {kind}$&')
  expect(translate('en', 'error.not_found')).toBe(' not found: ')
})

it.each([
  [undefined, 'en'],
  ['', 'en'],
  ['vi', 'vi'],
  ['vi-VN', 'vi'],
  ['zh-Hans-CN,zh;q=0.9', 'zh'],
  ['ZH', 'zh'],
  ['fr, de;q=0.5, vi;q=0.1', 'vi'],
  ['en;q=0.1, vi', 'en'],
  ['*', 'en'],
  ['__proto__', 'en'],
  ['constructor', 'en'],
  [`${'fr,'.repeat(10_000)}vi`, 'en'],
])('Accept-Language %p is read as %s', (header, locale) => {
  expect(pickLocale(header)).toBe(locale)
})

describe.each(Object.keys(errorKinds) as ErrorCode[])('%s', (code) => {
  const error = new MeshError(code, 'error.internal', {}, { cause: new Error('secret of the inside') })

  it.each(locales)(
    'is answered in %s with code, status and whether to try again, and nothing of its cause',
    (locale) => {
      const body = errorBody(error, locale)
      expect(body).toMatchObject({
        error: translate(locale, 'error.internal'),
        code: errorKinds[code].code,
        retryable: errorKinds[code].retryable,
      })
      expect(JSON.stringify(body) + JSON.stringify(errorBody(error, locale, 'openai'))).not.toContain('secret')
    },
  )
})
