export { configPermissions } from './config-permissions.ts'
export { agentState, chat } from './chat.ts'
export { sessions } from './sessions.ts'
