export { documentation } from './documentation.ts'
export { health } from './health.ts'
export { operatorConsole } from './operator-console.ts'
export { sockets } from './sockets.ts'
