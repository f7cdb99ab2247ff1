export { agents } from './agents.ts'
export { chat } from './chat.ts'
export { sessions } from './sessions.ts'
