/** How the project runs jest: what comes before its own arguments. jest hands the flags to its workers. */
export const jest = [
  // Test files are ES modules.
  '--experimental-vm-modules',
  '--no-warnings',
  // V8 keeps what it has compiled together with the context it was compiled for: every finished test file would stay in
  // memory, 20 to 50 MB each, to be looked through by each collection of garbage.
  '--no-compilation-cache',
  'node_modules/jest/bin/jest.js',
]
