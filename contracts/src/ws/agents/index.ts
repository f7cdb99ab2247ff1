export { configPermissions } from './config-permissions.ts'
export { agentState, chat } from './chat.ts'
export { cron } from './cron.ts'
export { sessions } from './sessions.ts'
