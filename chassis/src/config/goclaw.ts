/** What the operators of GoClaw have in their files and environments and nothing here reads yet (notes, 16 to 18). */

const under = (parent: string, ...keys: string[]): string[] => keys.map((key) => `${parent}.${key}`)
const prefixed = (prefix: string, ...names: string[]): string[] => names.map((name) => `${prefix}_${name}`)

/** Keys of config.json. `*` stands for one name, `**` for all that is in an object or a list. */
export const unusedFileKeys: readonly string[] = [
  ...under('gateway', 'inbound_debounce_ms', 'quota.**', 'block_reply', 'tool_status', 'task_recovery_interval_sec'),
  ...under('agents.defaults', 'restrict_to_workspace', 'provider', 'model', 'max_tokens', 'temperature'),
  ...under('agents.defaults', 'max_tool_iterations', 'context_window', 'max_tool_calls', 'agent_type', 'subagents.**'),
  ...under('agents.defaults', 'memory.**', 'compaction.**', 'contextPruning.**'),
  ...under('agents.defaults', 'bootstrapMaxChars', 'bootstrapTotalMaxChars'),
  ...under('agents.defaults.sandbox', 'image', 'scope', 'cpus', 'read_only_root', 'user', 'idle_hours', 'max_age_days'),
  'agents.list.**',
  'bindings.**',
  ...under('channels', 'telegram.**', 'discord.**', 'slack.**', 'whatsapp.**', 'zalo.**', 'zalo_personal.**'),
  ...under('channels', 'feishu.**', 'pending_compaction.**'),
  'providers.*.**',
  ...['ollama.**', 'claude_cli.**', 'acp.**', 'novita.**'],
  // There is no display here.
  'tools.browser.headless',
  ...under('sessions', 'scope', 'dm_scope', 'main_key'),
  ...under('cron', 'max_retries', 'retry_base_delay', 'retry_max_delay', 'default_timezone'),
  ...under('telemetry', 'protocol', 'headers.**'),
  ...under('tailscale', 'hostname', 'state_dir', 'ephemeral', 'enable_tls'),
]

const keyed = 'ANTHROPIC OPENAI OPENROUTER GROQ DEEPSEEK GEMINI MISTRAL XAI MINIMAX COHERE PERPLEXITY DASHSCOPE BAILIAN'
const providers = [...keyed.split(' '), 'ZAI', 'ZAI_CODING', 'OLLAMA_CLOUD']

/** Environment variables. */
export const unusedVariables: ReadonlySet<string> = new Set([
  ...prefixed('GOCLAW', 'DESKTOP', 'MODE', 'STORAGE_BACKEND', 'SQLITE_PATH', 'MIGRATIONS_DIR', 'SKILLS_DIR'),
  ...prefixed('GOCLAW', 'BUILTIN_SKILLS_DIR', 'BUNDLED_SKILLS_DIR', 'TELEMETRY_PROTOCOL', 'PROVIDER', 'MODEL'),
  ...providers.map((name) => `GOCLAW_${name}_API_KEY`),
  ...prefixed('GOCLAW', 'ANTHROPIC_BASE_URL', 'OPENAI_BASE_URL', 'OLLAMA_HOST', 'OLLAMA_CLOUD_API_BASE'),
  ...prefixed('GOCLAW_CLAUDE_CLI', 'PATH', 'MODEL', 'WORK_DIR'),
  ...prefixed('GOCLAW', 'TELEGRAM_TOKEN', 'DISCORD_TOKEN', 'ZALO_TOKEN', 'WHATSAPP_BRIDGE_URL'),
  ...prefixed('GOCLAW_LARK', 'APP_ID', 'APP_SECRET', 'ENCRYPT_KEY', 'VERIFICATION_TOKEN'),
  ...prefixed('GOCLAW_SLACK', 'BOT_TOKEN', 'APP_TOKEN', 'USER_TOKEN'),
  ...prefixed('GOCLAW_LANE', 'MAIN', 'SUBAGENT', 'TEAM', 'DELEGATE', 'CRON'),
  ...prefixed('GOCLAW_SANDBOX', 'IMAGE', 'SCOPE', 'CPUS'),
  ...prefixed('GOCLAW', 'TSNET_HOSTNAME', 'TSNET_AUTH_KEY', 'TSNET_DIR'),
  ...prefixed('GOCLAW', 'GATEWAY_URL', 'TOKEN', 'UI_PORT', 'DIR', 'VERSION', 'ENV_FILE'),
])
