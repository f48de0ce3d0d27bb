/** The commit of 0.7.0, the last release: nodes of it and of this tree form one cluster. */
export const LAST_RELEASE = 'a953655';
