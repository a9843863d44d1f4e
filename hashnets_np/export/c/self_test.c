
#if defined(NAME_SELF_TEST) || defined(NAME_MAIN)
/* Inputs and the logits that the Python network gave for them. */
static const float STEM_test_inputs[COUNT][NAME_INPUTS] = {
TEST_INPUTS
};
static const float STEM_test_logits[COUNT][NAME_OUTPUTS] = {
TEST_LOGITS
};

/* Returns 0 if all logits agree to 1e-4 of the largest, else the number, from 1, of the first input where one doesn't. */
int STEM_self_test(void)
{
    for (int n = 0; n < COUNT; n++) {
        float z[NAME_OUTPUTS];
        STEM_logits(STEM_test_inputs[n], z);
        for (int i = 0; i < NAME_OUTPUTS; i++) {
            const float difference = z[i] - STEM_test_logits[n][i];
            if (!(difference <= BOUND && difference >= -BOUND)) /* "not inside": also where z is not a number */
                return n + 1;
        }
    }
    return 0;
}
#endif

#ifdef NAME_MAIN
#include <stdio.h>
#include <string.h>
/* "STEM test" runs the self-test; without it, rows of NAME_INPUTS numbers are read, and class and logits printed. */
int main(int count, char **arguments)
{
    float x[NAME_INPUTS];
    float z[NAME_OUTPUTS];
    int read = 0;
    if (count > 2 || (count == 2 && strcmp(arguments[1], "test") != 0)) {
        fprintf(stderr, "usage: %s test, or: %s < FILE with rows of %d numbers\n", arguments[0], arguments[0], NAME_INPUTS);
        return 2;
    }
    if (count == 2) {
        const int failed = STEM_self_test();
        if (failed)
            printf("input %d of COUNT: the logits differ from those of the Python network\n", failed);
        else
            printf("all COUNT inputs agree with the Python network\n");
        return failed ? 1 : 0;
    }
    while (scanf("%f", &x[read]) == 1) {
        if (++read < NAME_INPUTS)
            continue;
        read = 0;
        printf("%d", STEM_class(x));
        STEM_logits(x, z);
        for (int i = 0; i < NAME_OUTPUTS; i++)
            printf(" %.9g", (double)z[i]);
        printf("\n");
    }
    if (read || !feof(stdin)) {
        fprintf(stderr, "expected rows of %d numbers; the input ends too early or holds something else\n", NAME_INPUTS);
        return 2;
    }
    return 0;
}
#endif
