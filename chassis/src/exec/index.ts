export * from './child.ts'
export * from './environment.ts'
export * from './find-program.ts'
export * from './process-bound.ts'
