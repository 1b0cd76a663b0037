/**
 * Node opens its inspector, and with it the memory that holds the keyring, to whoever sends SIGUSR1.
 * A listener takes the place of that. To be imported before anything else: what opened the inspector
 * earlier is found when the configuration is read.
 */
process.on('SIGUSR1', () => undefined);

export {};
