/** The tools that the contract names, in its order; there may be others among them. */
export const contractTools: readonly string[] = [
  ...['read_file', 'write_file', 'list_files', 'edit', 'exec', 'web_search', 'web_fetch'],
  ...['memory_search', 'memory_get', 'knowledge_graph_search'],
  ...['read_image', 'read_document', 'create_image', 'read_audio', 'read_video', 'create_video', 'create_audio'],
  ...['tts', 'browser', 'sessions_list', 'session_status', 'sessions_history', 'sessions_send', 'message', 'cron'],
  ...['heartbeat', 'spawn', 'skill_search', 'use_skill', 'publish_skill', 'skill_manage', 'team_tasks', 'datetime'],
]

/** Those of the given names that the contract names. */
export const ofContract = (names: readonly string[]): string[] => names.filter((name) => contractTools.includes(name))
