/**
 * Has a provider of the sandbox hold back its answers to all calls from now on.
 *
 * @returns lets them go; calls that come after that are answered at once
 */
export function holdAnswers(switches: { latencyMs: number | [number, number] | Promise<unknown> }) {
  let letGo = (): void => undefined;
  switches.latencyMs = new Promise<void>((resolve) => (letGo = resolve));
  return (): void => {
    switches.latencyMs = 0;
    letGo();
  };
}
