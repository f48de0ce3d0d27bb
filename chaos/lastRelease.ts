/** The commit of 0.12.0, the last release: nodes of it and of this tree form one cluster. */
export const LAST_RELEASE = 'f7bf365c';
