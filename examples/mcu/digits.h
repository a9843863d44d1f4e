#ifndef DIGITS_H
#define DIGITS_H

#ifdef __cplusplus
extern "C" {
#endif

#define DIGITS_INPUTS 64
#define DIGITS_OUTPUTS 10

/* Compute the logits of one input. */
void digits_logits(const float x[DIGITS_INPUTS], float z[DIGITS_OUTPUTS]);

/* Find the class of one input: the number, from 0, of its largest logit. */
int digits_class(const float x[DIGITS_INPUTS]);

/* Compute a few inputs and compare: 0 if all agree, else the number, from 1, of the first one that doesn't.
   Only in programs compiled with -DDIGITS_SELF_TEST. */
int digits_self_test(void);

#ifdef __cplusplus
}
#endif

#endif
