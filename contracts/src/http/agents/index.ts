export { agents } from './agents.ts'
export { chat } from './chat.ts'
export { sessions } from './sessions.ts'
export { shares } from './shares.ts'
