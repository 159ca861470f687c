/** The whole catalogue, for tests: the page loads its parts when they are needed. */
import first from "./first";
import screens from "./screens";

export default { ...first, ...screens };
